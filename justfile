# Shortcuts. `just` alone lists them.

_default:
    @just --list --unsorted

# Start the demo and print its address
run *ARGS:
    cargo run --release -- demo {{ARGS}}

# Run every test
test *ARGS:
    scripts/test {{ARGS}}

# Everything that must pass before a change lands
ci:
    .ci/run

# Lints, warnings as errors
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Format the code
fmt:
    cargo fmt --all

# Build the documentation of the code and open it
doc:
    cargo doc --workspace --no-deps --locked --open

# Measure how fast entries go in
bench *ARGS:
    cargo bench -p indelible --bench ingest {{ARGS}}

# Count the instructions of the hot functions and compare them with what is recorded
instructions *ARGS:
    scripts/instructions {{ARGS}}

# Check licences, sources and advisories of dependencies
audit:
    scripts/audit

# Take the pictures of the screens anew
screenshots:
    scripts/screenshots

# Print the API document
openapi:
    cargo run --release --quiet -- openapi

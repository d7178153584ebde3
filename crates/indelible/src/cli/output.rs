//! What commands write, and how it looks on a terminal.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};

use comfy_table::{Cell, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Writes data.
pub(super) fn data(text: &str) -> std::io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")
}

/// Tells people something. When nobody can be told, that is no reason to fail.
pub(super) fn message(text: &str) {
    drop(writeln!(stderr().lock(), "{text}"));
}

/// Tells people what went wrong.
pub(super) fn error(failure: &dyn std::fmt::Display) {
    let (red, plain) = if is_coloured() { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    message(&format!("{red}error:{plain} {failure}"));
}

/// <https://no-color.org>
fn is_coloured() -> bool {
    stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A table without lines, as wide as the terminal or as it needs to be.
pub(super) fn table(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.set_header(headings.iter().map(|heading| Cell::new(heading.to_uppercase())));
    for row in rows {
        // Control characters in data must not reach the terminal.
        table.add_row(row.into_iter().map(|cell| cell.replace(char::is_control, " ")));
    }
    let lines: Vec<String> =
        table.lines().map(|line| line.trim_end().strip_prefix(' ').unwrap_or_default().to_owned()).collect();
    lines.join("\n")
}

/// A number with its noun.
pub(super) fn counted(count: impl TryInto<u64>, one: &str, several: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{count} {}", if count == 1 { one } else { several })
}

/// A progress bar on stderr, if that is a terminal. `total` is unknown for a stream.
pub(super) fn progress(total: Option<u64>, what: &str) -> ProgressBar {
    let bar = match total {
        Some(total) => ProgressBar::new(total),
        None => ProgressBar::no_length(),
    };
    let template = match total {
        Some(_) => "{msg} [{bar:30}] {human_pos}/{human_len} {per_sec} {eta}",
        None => "{msg} {human_pos} {per_sec} {elapsed}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(what.to_owned());
    if !stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}

//! What can be seen from outside: one binary, a module per subject.

// The lints of the workspace allow panics and indexing in what is marked as test code only.
#[cfg(test)]
mod access;
#[cfg(test)]
mod append;
#[cfg(test)]
mod attacks;
#[cfg(test)]
mod away;
#[cfg(test)]
mod backups;
#[cfg(test)]
mod body;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod capture;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod configure;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod detail;
#[cfg(test)]
mod dialects;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod embed;
#[cfg(test)]
mod erasures;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod filled;
#[cfg(test)]
mod flips;
#[cfg(test)]
mod history;
#[cfg(test)]
mod host;
#[cfg(test)]
mod in_process;
#[cfg(test)]
mod index;
#[cfg(test)]
mod language;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod limited;
#[cfg(test)]
mod list;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod merge;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod network_only;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod outside;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod process;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod program;
#[cfg(test)]
mod recovery;
#[cfg(test)]
mod remembered;
#[cfg(test)]
mod removal;
#[cfg(test)]
mod restricted;
#[cfg(test)]
mod revert;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod saved;
#[cfg(test)]
mod scrub;
#[cfg(test)]
mod search;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod sso;
#[cfg(test)]
mod store;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tail;
#[cfg(test)]
mod tampering;
#[cfg(test)]
mod threats;
#[cfg(test)]
mod throttle;
#[cfg(test)]
mod trail;
#[cfg(test)]
mod umbrella;
#[cfg(test)]
mod visibility;
#[cfg(test)]
mod visitor;
#[cfg(test)]
mod witnesses;

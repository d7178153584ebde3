use std::io::BufRead as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use model::Role;

use super::{Failure, Place, find_site, local_user, output};
use crate::access::{new_user, random_password, user_name, with_password};
use crate::store::User;

/// Add, list and remove people who sign in with a password
#[derive(Debug, Args)]
pub(super) struct UserCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a user, and print a password made for it, once
    Add {
        /// The name to sign in with
        name: String,
        /// What the user may do: `super_admin`, owner, admin, auditor or writer
        #[arg(long)]
        role: Role,
        /// The one site it is for [default: every site its role reaches]
        #[arg(long)]
        site: Option<String>,
        /// Read the password from the first line of the standard input, and print nothing
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Set another password, and print it, once; the user's sessions end
    Password {
        /// The user's name
        name: String,
        /// Read the password from the first line of the standard input, and print nothing
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        place: Place,
    },
    /// List the users; their passwords are not kept
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Remove a user; its sessions end
    Remove {
        /// The user's name
        name: String,
        #[command(flatten)]
        place: Place,
    },
}

impl UserCommand {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.action {
            Action::Add { name, role, site, password_stdin, place } => {
                let indelible = place.open()?;
                let site = site.map(|id| find_site(&indelible, &id)).transpose()?.map(|site| site.id);
                with_new_password(password_stdin, |password| {
                    let user = new_user(&name, password, role, site).map_err(|bad| usage(&bad))?;
                    Ok(indelible.add_user(&user, &local_user())?)
                })
            }
            Action::Password { name, password_stdin, place } => {
                let indelible = place.open()?;
                let user = find(&indelible, &name)?;
                with_new_password(password_stdin, |password| {
                    let user = with_password(&user, password).map_err(|bad| usage(&bad))?;
                    Ok(indelible.change_user(&user, &local_user())?)
                })
            }
            Action::List { place } => list(&place),
            Action::Remove { name, place } => {
                let indelible = place.open()?;
                indelible.remove_user(&find(&indelible, &name)?, &local_user())?;
                output::message(&format!("removed the user `{}`", user_name(&name)));
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// Does something with a password from the standard input, or with one made here, which is then printed.
fn with_new_password(
    from_stdin: bool,
    act: impl FnOnce(&str) -> Result<(), Failure>,
) -> Result<ExitCode, Failure> {
    if from_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        act(line.trim_end_matches(['\n', '\r']))?;
    } else {
        let password = random_password().map_err(|error| Failure::Other(error.to_string()))?;
        act(password.reveal())?;
        output::data(password.reveal())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn usage(bad: &crate::access::BadUser) -> Failure {
    Failure::Usage(format!("the user's {} {bad}", bad.field()))
}

fn find(indelible: &crate::Indelible, name: &str) -> Result<User, Failure> {
    let name = user_name(name);
    indelible.store().user(&name)?.ok_or_else(|| {
        Failure::Other(format!("there is no user `{name}`. `indelible user list` shows those there are"))
    })
}

fn list(place: &Place) -> Result<ExitCode, Failure> {
    let time = |time: jiff::Timestamp| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let row = |user: User| {
        let site = user.site.map_or_else(|| "all".to_owned(), |site| site.to_string());
        vec![user.name, user.role.to_string(), site, time(user.created_at), time(user.changed_at)]
    };
    let rows = place.open()?.store().users()?.into_iter().map(row).collect();
    output::data(&output::table(&["name", "role", "site", "created", "changed"], rows))?;
    Ok(ExitCode::SUCCESS)
}

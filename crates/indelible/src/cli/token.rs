use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use model::Role;

use super::{Failure, Place, find_site, local_user, output};
use crate::access::new_token;
use crate::clock;
use crate::store::TokenLimits;

/// Create, list and revoke access tokens
#[derive(Debug, Args)]
pub(super) struct TokenCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token and print it, once
    Create {
        /// Its name: the `source` of the entries it sends
        #[arg(long)]
        name: String,
        /// What it may do: `super_admin`, owner, admin, auditor, writer, or a role of the AEM dialect
        #[arg(long)]
        role: Role,
        /// The one site it is for [default: every site its role reaches]
        #[arg(long)]
        site: Option<String>,
        /// With the role auditor: read only what this filter finds
        #[arg(long)]
        filter: Option<String>,
        /// With the role writer: send only entries about entities of this type; may be repeated
        #[arg(long = "entity-type")]
        entity_types: Vec<String>,
        /// End by itself after so many days
        #[arg(long, value_name = "DAYS", visible_alias = "expires")]
        expires_in_days: Option<u16>,
        #[command(flatten)]
        place: Place,
    },
    /// List the tokens; their secrets are not kept
    List {
        #[command(flatten)]
        place: Place,
    },
    /// End a token at once
    Revoke {
        /// Its id, or its name where only one valid token has it
        token: String,
        #[command(flatten)]
        place: Place,
    },
}

impl TokenCommand {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.action {
            Action::Create { name, role, site, filter, entity_types, expires_in_days, place } => {
                let lifetime = expires_in_days.map(|days| Duration::from_hours(24) * u32::from(days));
                let limits = TokenLimits {
                    filter,
                    entity_types: (!entity_types.is_empty()).then_some(entity_types),
                    fields: None,
                    viewer: false,
                    expires_at: lifetime.map(|lifetime| clock::now() + lifetime),
                };
                create(&name, role, site.as_deref(), limits, &place)
            }
            Action::List { place } => list(&place),
            Action::Revoke { token, place } => revoke(&token, &place),
        }
    }
}

fn create(
    name: &str,
    role: Role,
    site: Option<&str>,
    limits: TokenLimits,
    place: &Place,
) -> Result<ExitCode, Failure> {
    if name.trim().is_empty() || name.len() > model::limits::CODE_BYTES_MAX {
        return Err(Failure::Usage("a token's name must have 1 to 255 bytes".to_owned()));
    }
    let indelible = place.open()?;
    let site = site.map(|id| find_site(&indelible, id)).transpose()?.map(|site| site.id);
    let made = new_token(name, role, site).map_err(|error| Failure::Other(error.to_string()))?;
    let made = made.limited(limits).map_err(|bad| {
        Failure::Usage(format!("--{}: {bad}", bad.field.replace("entity_types", "entity-type")))
    })?;
    indelible.create_token(&made.token, &local_user())?;
    output::data(made.secret.reveal())?;
    Ok(ExitCode::SUCCESS)
}

fn list(place: &Place) -> Result<ExitCode, Failure> {
    let time = |time: jiff::Timestamp| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let row = |token: crate::store::Token| {
        let site = token.site.map_or_else(|| "all".to_owned(), |site| site.to_string());
        let state = match (token.revoked_at, token.limits.expires_at) {
            (Some(at), _) => format!("revoked {}", time(at)),
            (None, Some(end)) if end <= clock::now() => format!("ended {}", time(end)),
            (None, Some(end)) => format!("valid until {}", time(end)),
            (None, None) => "valid".to_owned(),
        };
        let used = token.used_at.map_or_else(|| "never".to_owned(), time);
        vec![
            token.id.to_string(),
            token.name,
            token.role.to_string(),
            site,
            time(token.created_at),
            used,
            state,
        ]
    };
    let tokens = place.open()?.store().tokens()?;
    let rows = tokens.into_iter().map(row).collect();
    output::data(&output::table(&["id", "name", "role", "site", "created", "last used", "state"], rows))?;
    Ok(ExitCode::SUCCESS)
}

fn revoke(wanted: &str, place: &Place) -> Result<ExitCode, Failure> {
    let indelible = place.open()?;
    let valid = indelible.store().tokens()?.into_iter().filter(|token| token.revoked_at.is_none());
    let found: Vec<_> =
        valid.filter(|token| token.id.to_string() == wanted || token.name == wanted).collect();
    match found.as_slice() {
        [token] => {
            indelible.revoke_token(token, &local_user())?;
            output::message(&format!("revoked the token `{}` ({})", token.name, token.id));
            Ok(ExitCode::SUCCESS)
        }
        [] => Err(Failure::Other(format!(
            "there is no valid token `{wanted}`. `indelible token list` shows those there are"
        ))),
        several => Err(Failure::Other(format!(
            "{} valid tokens are called `{wanted}`: name the one by its id",
            several.len()
        ))),
    }
}

//! Who may do what: one's own sessions, and the users and tokens that one manages.

use askama::Template;

use super::{Frame, Time};

/// `/account`.
#[derive(Clone, Debug, Template)]
#[template(path = "account.html", whitespace = "minimize")]
pub struct AccountPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The account's sessions, the newest first.
    pub sessions: Vec<SessionRow>,
    /// Whether the account has a password here.
    pub has_password: bool,
}

/// One session.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// When it was opened.
    pub opened: Time,
    /// Address and browser.
    pub from: String,
    /// When it ends by itself.
    pub ends: String,
}

/// `/access`.
#[derive(Clone, Debug, Template)]
#[template(path = "access.html", whitespace = "minimize")]
pub struct AccessPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Users by name.
    pub users: Vec<UserRow>,
    /// Tokens, the newest first.
    pub tokens: Vec<TokenRow>,
    /// Roles that can be given.
    pub roles: Vec<&'static str>,
    /// Ids of sites that can be named.
    pub sites: Vec<String>,
    /// Whether a user for every site may be added.
    pub all_sites: bool,
}

/// One user.
#[derive(Clone, Debug)]
pub struct UserRow {
    /// The name.
    pub name: String,
    /// The role.
    pub role: String,
    /// The site, or "all".
    pub site: String,
    /// When it was added.
    pub created: Time,
    /// Where the form that removes it goes.
    pub remove_href: String,
}

/// One token.
#[derive(Clone, Debug)]
pub struct TokenRow {
    /// The name.
    pub name: String,
    /// The role.
    pub role: String,
    /// The site, or "all".
    pub site: String,
    /// Its limits in words, or empty.
    pub limits: String,
    /// When it was made.
    pub created: Time,
    /// When it was last used, if ever.
    pub used: Option<Time>,
    /// Whether it works, and until when.
    pub state: String,
    /// Where the form that ends it goes; none for one that has ended.
    pub revoke_href: Option<String>,
}

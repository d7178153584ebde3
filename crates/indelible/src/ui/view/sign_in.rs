//! Signing in.

use askama::Template;

use super::Frame;

/// `/sign-in`.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_in.html", whitespace = "minimize")]
pub struct SignInPage {
    /// What surrounds the page; without an account.
    pub frame: Frame,
    /// What happened before: a used or expired link, a wrong token, a session at its end.
    pub message: Option<String>,
    /// Whether the message says that something failed, rather than what just happened ("Signed out").
    pub is_failure: bool,
    /// Where to go afterwards: a path of this server, or empty.
    pub next: String,
    /// Where the sign-in with an identity provider begins, if there is one.
    pub single_sign_on_href: Option<String>,
}

/// What somebody can sign in as, of several things that they are.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_in_as.html", whitespace = "minimize")]
pub struct SignInAsPage {
    /// What surrounds the page; without an account.
    pub frame: Frame,
    /// Who it is.
    pub name: String,
    /// Each with the role, the site or "all sites", and where it leads.
    pub choices: Vec<SignInChoice>,
}

/// One of several things that somebody is.
#[derive(Clone, Debug)]
pub struct SignInChoice {
    /// The role in words.
    pub role: String,
    /// The site, or which sites.
    pub site: String,
    /// Where the sign-in goes on.
    pub href: String,
}

impl SignInPage {
    /// What to say after a link that was used before, or is too old.
    pub const LINK_SPENT: &str = "This sign-in link was already used or has expired. Each link works once. \
                                  Ask for a new one, or sign in with an access token.";
    /// What to say after a token that is not one.
    pub const TOKEN_REFUSED: &str =
        "This token is unknown, revoked or expired. Check that the whole token was pasted.";
    /// What to say after a name and a password that do not belong together.
    pub const PASSWORD_REFUSED: &str = "This name and this password do not belong together.";
    /// What to say after a session's end.
    pub const SESSION_ENDED: &str = "Your session has ended. Sign in again to continue.";
    /// What to say after signing out.
    pub const SIGNED_OUT: &str = "You are signed out.";
}

//! What surrounds every page.

use super::url;

/// What surrounds every page: head, top bar, tabs, demo banner.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The page's title; the product's name is added.
    pub title: String,
    /// Addresses of the stylesheet, the script and the icon.
    pub assets: Assets,
    /// The sites the caller may see, for the switcher. A few hundred at most: the page carries them all.
    pub sites: Vec<SiteLink>,
    /// The site the page is about, if it is about one.
    pub current_site: Option<SiteLink>,
    /// Whether the switcher offers the list of all sites.
    pub has_network: bool,
    /// The pages of this site, or of the network.
    pub tabs: Vec<Tab>,
    /// Who is signed in; without it the bar shows neither switcher nor search.
    pub account: Option<Account>,
    /// What stands in the search box for ids.
    pub find: String,
    /// Whether this is the demo, which says so on every page.
    pub is_demo: bool,
}

impl Frame {
    /// What the switcher says.
    #[must_use]
    pub fn place(&self) -> &str {
        self.current_site.as_ref().map_or("All sites", |site| site.name.as_str())
    }

    /// Whether the page is about this site.
    #[must_use]
    pub fn is_current(&self, site: &SiteLink) -> bool {
        self.current_site.as_ref() == Some(site)
    }
}

/// Addresses of the files that every page loads.
#[derive(Clone, Debug)]
pub struct Assets {
    /// The stylesheet, best with a version so that it can be cached for ever.
    pub stylesheet: String,
    /// What scripts add to pages that work without.
    pub script: String,
    /// The icon.
    pub favicon: String,
}

impl Default for Assets {
    fn default() -> Self {
        Self {
            stylesheet: "/assets/app.css".to_owned(),
            script: "/assets/app.js".to_owned(),
            favicon: "/assets/favicon.svg".to_owned(),
        }
    }
}

/// One site in the switcher.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteLink {
    /// Its name for people.
    pub name: String,
    /// Its id: `acme.www`.
    pub id: String,
    /// Its activity.
    pub href: String,
}

impl SiteLink {
    /// The site with this id and name; a site without a name is called by its id.
    #[must_use]
    pub fn new(id: &str, name: &str) -> Self {
        let name = if name.is_empty() { id } else { name };
        Self { name: name.to_owned(), id: id.to_owned(), href: url::site(id) }
    }
}

/// One tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    /// Its word.
    pub label: &'static str,
    /// Its page.
    pub href: String,
    /// Whether this is the page, or the page above it.
    pub is_current: bool,
}

impl Tab {
    /// The tabs of a site, that of its settings for those who may set them; `current` is a label, or anything else where no tab is current.
    #[must_use]
    pub fn of_site(site: &str, configures: bool, current: &str) -> Vec<Self> {
        let all = [
            ("Activity", url::site(site)),
            ("Integrity", url::integrity(site)),
            ("Connectors", url::connectors(site)),
            ("Settings", url::settings(site)),
        ];
        all.into_iter()
            .filter(|(label, _)| configures || *label != "Settings")
            .map(|(label, href)| Self { label, href, is_current: label == current })
            .collect()
    }

    /// The tabs of the network.
    #[must_use]
    pub fn of_network(current: &str) -> Vec<Self> {
        [("Sites", url::SITES), ("Activity", url::ACTIVITY)]
            .into_iter()
            .map(|(label, href)| Self { label, href: href.to_owned(), is_current: label == current })
            .collect()
    }
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Their name, or their token's.
    pub name: String,
    /// Their role in words: "Super admin".
    pub role: String,
    /// Whether there is a session to end; the demo's visitors and bearers of tokens have none.
    pub can_sign_out: bool,
    /// Whether they manage users and tokens.
    pub governs: bool,
}

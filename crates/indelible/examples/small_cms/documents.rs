//! What the system holds, and what can happen to it.

use std::collections::BTreeMap;

use client::{Action, Audited, Kind, Registry};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A blog post.
#[derive(Clone, Audited, Serialize, Deserialize)]
#[audited(entity = "post")]
pub(crate) struct Post {
    pub(crate) id: String,
    #[audited(title)]
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) body: String,
    #[serde(default)]
    pub(crate) published: bool,
}

/// A page with an address of its own.
#[derive(Clone, Audited, Serialize, Deserialize)]
#[audited(entity = "page")]
pub(crate) struct Page {
    pub(crate) id: String,
    #[audited(title)]
    pub(crate) title: String,
    pub(crate) slug: String,
    #[serde(default)]
    pub(crate) body: String,
}

/// A picture or a film.
#[derive(Clone, Audited, Serialize, Deserialize)]
#[audited(entity = "media")]
pub(crate) struct Media {
    pub(crate) id: String,
    #[audited(title)]
    pub(crate) file: String,
    #[serde(default)]
    pub(crate) alt: String,
}

/// Somebody who may sign in.
#[derive(Clone, Audited, Serialize, Deserialize)]
#[audited(entity = "user")]
pub(crate) struct User {
    pub(crate) id: String,
    #[audited(title)]
    pub(crate) name: String,
    pub(crate) email: String,
    #[audited(mask)]
    pub(crate) password_hash: String,
}

/// The settings, of which there is one.
#[derive(Clone, Audited, Serialize, Deserialize)]
#[audited(entity = "settings")]
pub(crate) struct Settings {
    pub(crate) id: String,
    #[audited(title)]
    pub(crate) name: String,
    pub(crate) language: String,
}

/// What can be edited.
pub(crate) trait Document: Audited + Clone + Serialize + DeserializeOwned + Send + 'static {
    /// Its part of the admin's addresses.
    const PLURAL: &'static str;
    /// The actions that are logged of it.
    const CREATE: &'static str;
    const EDIT: &'static str;
    const DELETE: &'static str;
    fn shelf(shelves: &mut Shelves) -> &mut BTreeMap<String, Self>;
}

/// Everything there is. A real system has a database here.
#[derive(Default)]
pub(crate) struct Shelves {
    pub(crate) posts: BTreeMap<String, Post>,
    pub(crate) pages: BTreeMap<String, Page>,
    pub(crate) media: BTreeMap<String, Media>,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) settings: BTreeMap<String, Settings>,
}

macro_rules! documents {
    ($($kind:ident, $one:literal, $shelf:ident;)*) => {$(
        impl Document for $kind {
            const PLURAL: &'static str = stringify!($shelf);
            const CREATE: &'static str = concat!($one, ".create");
            const EDIT: &'static str = concat!($one, ".edit");
            const DELETE: &'static str = concat!($one, ".delete");
            fn shelf(shelves: &mut Shelves) -> &mut BTreeMap<String, Self> {
                &mut shelves.$shelf
            }
        }
    )*};
}
documents! {
    Post, "post", posts;
    Page, "page", pages;
    Media, "media", media;
    User, "user", users;
    Settings, "settings", settings;
}

pub(crate) fn registry() -> Result<Registry, client::RegistryError> {
    let mut registry = Registry::new();
    for (create, edit, delete) in [
        (Post::CREATE, Post::EDIT, Post::DELETE),
        (Page::CREATE, Page::EDIT, Page::DELETE),
        (Media::CREATE, Media::EDIT, Media::DELETE),
        (User::CREATE, User::EDIT, User::DELETE),
        (Settings::CREATE, Settings::EDIT, Settings::DELETE),
    ] {
        registry
            .register(Action::new(create, Kind::Create, "Create").message("Created '{$title}'"))?
            .register(Action::new(edit, Kind::Update, "Edit").message("Edited '{$title}'"))?
            .register(Action::new(delete, Kind::Delete, "Delete").message("Deleted '{$title}'"))?;
    }
    Ok(registry)
}

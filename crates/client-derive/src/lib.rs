//! `#[derive(Audited)]`: see [`macro@Audited`]. Use it from `indelible-client`, which exports it.

mod audited;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct something that changes are logged of: its type, its id, its title and its state.
///
/// ```
/// use client::Audited;
///
/// #[derive(Audited)]
/// #[audited(entity = "user")]
/// struct User {
///     id: Option<u64>,            // none: not saved yet
///     #[audited(title)]
///     name: String,
///     #[audited(mask)]
///     password_hash: String,
///     #[audited(rename = "mail")]
///     email: String,
///     #[audited(skip)]
///     cache: Vec<u8>,
/// }
///
/// let user = User {
///     id: Some(7),
///     name: "Ana".into(),
///     password_hash: "$argon2id$…".into(),
///     email: "ana@example.com".into(),
///     cache: vec![1],
/// };
/// assert_eq!((user.entity_type(), user.entity_id()), ("user", Some("7".to_owned())));
/// assert_eq!(user.entity_title(), Some("Ana".to_owned()));
/// let state = format!("{:?}", user.state().unwrap());
/// assert!(state.contains("mail") && !state.contains("argon2id") && !state.contains("cache"));
/// ```
///
/// | attribute | of | says |
/// |---|---|---|
/// | `entity = "user"` | the struct | the type of the entity: required, and the same for ever |
/// | `crate = "path"` | the struct | where `indelible-client` is, if it is not called `client` |
/// | `id` | a field | that it is the id; without it, the field that is called `id` is |
/// | `title` | a field | that it is the title, by its `Display` |
/// | `mask` | a field | that its value never leaves the process; one sees whether it changed |
/// | `skip` | a field | that it is no part of the state |
/// | `rename = "name"` | a field | its name in the state |
///
/// Every other field is part of the state, and must implement `Serialize`; the id is told apart from it. Whatever cannot be
/// meant is an error of the compiler:
///
/// ```compile_fail
/// #[derive(client::Audited)] // which type of entity is it?
/// struct Page { id: u64 }
/// ```
/// ```compile_fail
/// #[derive(client::Audited)]
/// #[audited(entity = "page")] // there is no id
/// struct Page { title: String }
/// ```
/// ```compile_fail
/// #[derive(client::Audited)]
/// #[audited(entity = "page")]
/// struct Page { id: u64, #[audited(masked)] pin: u32 } // it is called `mask`
/// ```
/// ```compile_fail
/// #[derive(client::Audited)]
/// #[audited(entity = "page")]
/// struct Page { id: f64 } // no id can be that
/// ```
/// ```compile_fail
/// #[derive(client::Audited)]
/// #[audited(entity = "page")]
/// enum Page { Home { id: u64 } } // only structs have a state by fields
/// ```
#[proc_macro_derive(Audited, attributes(audited))]
pub fn derive_audited(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    audited::expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, LitStr, Path, Result, parse_quote};

/// What the struct says.
struct Container {
    entity: LitStr,
    client: Path,
}

/// What a field says.
#[derive(Default)]
struct Said {
    words: Vec<Word>,
    rename: Option<LitStr>,
}

/// What a field is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Id,
    Title,
    Mask,
    Skip,
}

/// A field with its name and what it says.
struct Member<'a> {
    field: &'a Field,
    name: &'a Ident,
    said: Said,
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Container { entity, client } = Container::of(input)?;
    let members = members(input)?;
    let id = id(input, &members)?.name;
    let title = title(&members)?.map(|member| {
        let name = member.name;
        quote! {
            fn entity_title(&self) -> ::core::option::Option<::std::string::String> {
                ::core::option::Option::Some(::std::string::ToString::to_string(&self.#name))
            }
        }
    });
    let state =
        members.iter().filter(|member| member.name != id && !member.said.is(Word::Skip)).map(|member| {
            let name = member.name;
            let text = member.said.rename.as_ref().map_or_else(|| unraw(name), LitStr::value);
            let method = if member.said.is(Word::Mask) { quote!(masked) } else { quote!(field) };
            quote!(.#method(#text, &self.#name))
        });
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #client::Audited for #name #type_generics #where_clause {
            fn entity_type(&self) -> &str {
                #entity
            }
            fn entity_id(&self) -> ::core::option::Option<::std::string::String> {
                #client::EntityId::entity_id(&self.#id)
            }
            #title
            fn state(&self) -> ::core::option::Option<#client::State> {
                ::core::option::Option::Some(#client::State::new() #(#state)*)
            }
        }
    })
}

impl Container {
    fn of(input: &DeriveInput) -> Result<Self> {
        let (mut entity, mut client): (Option<LitStr>, Path) = (None, parse_quote!(::client));
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("audited")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("entity") {
                    entity = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("crate") {
                    client = meta.value()?.parse::<LitStr>()?.parse()?;
                } else {
                    return Err(
                        meta.error("not an attribute of an audited struct: there are `entity` and `crate`")
                    );
                }
                Ok(())
            })?;
        }
        let entity = entity.ok_or_else(|| {
            let why = "say which type of entity this is: `#[audited(entity = \"page\")]`. Histories are kept by it, so \
                       it must stay when the struct is renamed";
            Error::new_spanned(&input.ident, why)
        })?;
        if entity.value().is_empty() || entity.value().trim() != entity.value() {
            return Err(Error::new_spanned(
                &entity,
                "a type of entity is not empty and has no spaces at its ends",
            ));
        }
        Ok(Self { entity, client })
    }
}

fn members(input: &DeriveInput) -> Result<Vec<Member<'_>>> {
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(_) | Data::Union(_) => {
            return Err(Error::new_spanned(
                &input.ident,
                "only structs can derive `Audited`: implement it by hand",
            ));
        }
    };
    let Fields::Named(named) = fields else {
        let why =
            "fields without names have no names in a state: give them some, or implement `Audited` by hand";
        return Err(Error::new_spanned(&input.ident, why));
    };
    let member = |field| Ok(Member { field, name: name_of(field)?, said: Said::of(field)? });
    named.named.iter().map(member).collect()
}

fn name_of(field: &Field) -> Result<&Ident> {
    field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "a field without a name"))
}

impl Said {
    fn of(field: &Field) -> Result<Self> {
        let mut said = Self::default();
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("audited")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("rename") {
                    said.rename = Some(meta.value()?.parse()?);
                    return Ok(());
                }
                let word = Word::ALL.into_iter().find(|(name, _)| meta.path.is_ident(name));
                let Some((_, word)) = word else {
                    let why = "not an attribute of an audited field: there are `id`, `title`, `mask`, `skip` and `rename`";
                    return Err(meta.error(why));
                };
                if said.is(word) {
                    return Err(meta.error("said twice"));
                }
                said.words.push(word);
                Ok(())
            })?;
        }
        said.check(field)?;
        Ok(said)
    }

    fn check(&self, field: &Field) -> Result<()> {
        let refuse = |why: &str| Err(Error::new_spanned(field, why));
        if self.is(Word::Mask) && (self.is(Word::Id) || self.is(Word::Title)) {
            return refuse("an id or title is told in the clear: it cannot be masked");
        }
        if self.is(Word::Skip) && (self.is(Word::Id) || self.is(Word::Mask) || self.rename.is_some()) {
            return refuse(
                "what is skipped is no part of the state: `id`, `mask` and `rename` say nothing of it",
            );
        }
        Ok(())
    }

    fn is(&self, word: Word) -> bool {
        self.words.contains(&word)
    }
}

impl Word {
    const ALL: [(&'static str, Self); 4] =
        [("id", Self::Id), ("title", Self::Title), ("mask", Self::Mask), ("skip", Self::Skip)];
}

/// The field that is the id.
fn id<'a>(input: &DeriveInput, members: &'a [Member<'a>]) -> Result<&'a Member<'a>> {
    if let Some(marked) =
        only(members, |member| member.said.is(Word::Id), "there are two ids: mark one field")?
    {
        return Ok(marked);
    }
    members
        .iter()
        .find(|member| {
            unraw(member.name) == "id" && !member.said.is(Word::Mask) && !member.said.is(Word::Skip)
        })
        .ok_or_else(|| Error::new_spanned(&input.ident, "which field is the id? Mark it: `#[audited(id)]`"))
}

fn title<'a>(members: &'a [Member<'a>]) -> Result<Option<&'a Member<'a>>> {
    only(members, |member| member.said.is(Word::Title), "there are two titles: mark one field")
}

fn only<'a>(
    members: &'a [Member<'a>],
    is_meant: impl Fn(&Member<'_>) -> bool,
    why: &str,
) -> Result<Option<&'a Member<'a>>> {
    let mut meant = members.iter().filter(|member| is_meant(member));
    let first = meant.next();
    match meant.next() {
        Some(second) => Err(Error::new_spanned(second.field.to_token_stream(), why)),
        None => Ok(first),
    }
}

/// `r#type` is called `type`.
fn unraw(name: &Ident) -> String {
    let name = name.to_string();
    name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A struct, and what its error says.
    const REFUSED: [(&str, &str); 13] = [
        ("struct Page { id: u64 }", "#[audited(entity = \"page\")]"),
        (r#"#[audited(entity = "")] struct Page { id: u64 }"#, "not empty"),
        (r#"#[audited(kind = "p")] struct Page { id: u64 }"#, "there are `entity` and `crate`"),
        (r#"#[audited(entity = "p")] enum Page { A { id: u64 } }"#, "only structs"),
        (r#"#[audited(entity = "p")] struct Page(u64);"#, "without names"),
        (r#"#[audited(entity = "p")] struct Page;"#, "without names"),
        (r#"#[audited(entity = "p")] struct Page { title: String }"#, "which field is the id?"),
        (r#"#[audited(entity = "p")] struct P { #[audited(id)] a: u64, #[audited(id)] b: u64 }"#, "two ids"),
        (
            r#"#[audited(entity = "p")] struct P { id: u8, #[audited(title)] a: u8, #[audited(title)] b: u8 }"#,
            "two titles",
        ),
        (r#"#[audited(entity = "p")] struct P { id: u8, #[audited(masked)] a: u8 }"#, "`skip` and `rename`"),
        (
            r#"#[audited(entity = "p")] struct P { id: u8, #[audited(mask, title)] a: u8 }"#,
            "cannot be masked",
        ),
        (r#"#[audited(entity = "p")] struct P { id: u8, #[audited(skip, mask)] a: u8 }"#, "what is skipped"),
        (r#"#[audited(entity = "p")] struct P { id: u8, #[audited(mask, mask)] a: u8 }"#, "said twice"),
    ];

    #[test]
    fn what_cannot_be_meant_is_an_error_that_says_what_to_do() {
        for (code, expected) in REFUSED {
            let message = expand(&syn::parse_str(code).unwrap()).unwrap_err().to_string();
            assert!(message.contains(expected), "{code}: {message}");
        }
    }

    #[test]
    fn the_id_is_told_apart_and_raw_names_are_plain() {
        let input = parse_quote!(
            #[audited(entity = "page")]
            struct Page<T: Serialize> {
                id: u64,
                r#type: T,
            }
        );
        let code = expand(&input).unwrap().to_string();
        assert!(code.contains("\"type\""), "{code}");
        assert!(!code.contains("\"id\"") && !code.contains("\"r#type\""), "{code}");
        assert!(code.contains("impl < T : Serialize > :: client :: Audited for Page < T >"), "{code}");
    }
}

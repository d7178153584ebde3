//! The part of a site's settings that says where connectors take reverts.

use model::Permission;

use super::form::Form;
use super::view::EndpointPart;
use crate::access::Caller;
use crate::api::{App, FieldError, Problem};
use crate::hosts::Connector;
use crate::store::{Site, StoreError};

/// Sets an endpoint as it was posted, or forgets it.
pub(super) fn save(app: &App, site: &Site, form: &Form, caller: &Caller) -> Result<(), Problem> {
    caller.on_site(Permission::Configure, site.id.as_str(), app.indelible.sites())?;
    let (name, url) = (form.get("connector").trim(), form.get("revert_url").trim());
    let old = Connector::load(app.indelible.store().as_ref(), site.log, name)?;
    if form.get("remove") == "yes" {
        if old.is_some() {
            app.indelible.set_connector(site, name, None, caller)?;
        }
        return Ok(());
    }
    if url.is_empty() {
        return Err(Problem::invalid(
            "revert_url",
            "invalid_value",
            "must be the address that takes reverts",
        ));
    }
    let secret = Some(form.get("revert_secret")).filter(|secret| !secret.is_empty());
    let connector = Connector::new(name, Some(url), secret, old.as_ref())
        .map_err(|error| Problem::invalid(error.field, "invalid_value", error.message))?;
    app.indelible.set_connector(site, name, Some(&connector), caller)?;
    Ok(())
}

/// The endpoints that are set, and an empty form for another. What was sent and refused stands in the form it came from.
pub(super) fn parts(
    app: &App,
    site: &Site,
    sent: &Form,
    errors: &[FieldError],
) -> Result<Vec<EndpointPart>, StoreError> {
    let set = Connector::all(app.indelible.store().as_ref(), site.log)?;
    let mut parts: Vec<EndpointPart> = set
        .into_iter()
        .map(|connector| EndpointPart {
            number: 0,
            has_secret: connector.has_secret(),
            url: connector.revert_url.unwrap_or_default(),
            name: connector.name,
            is_set: true,
            error: None,
        })
        .collect();
    parts.push(EndpointPart {
        number: 0,
        name: String::new(),
        url: String::new(),
        has_secret: false,
        is_set: false,
        error: None,
    });
    for (number, part) in parts.iter_mut().enumerate() {
        part.number = number;
    }
    let wrong = errors.first().filter(|_| sent.get("part") == "endpoints");
    if let Some(wrong) = wrong {
        let name = sent.get("connector").trim();
        let place = parts.iter().position(|part| part.is_set && part.name == name).unwrap_or(parts.len() - 1);
        if let Some(part) = parts.get_mut(place) {
            name.clone_into(&mut part.name);
            sent.get("revert_url").clone_into(&mut part.url);
            part.error = Some((wrong.field.clone(), wrong.message.clone()));
        }
    }
    Ok(parts)
}

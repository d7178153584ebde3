//! `GET /sites/{site}/entities/{type}/{id}/history`

use axum::Json;
use axum::extract::{RawQuery, State};
use model::{Field, Filter, Order, Permission};

use super::list::{EntriesOut, answer};
use crate::Indelible;
use crate::access::{Caller, Part, Parts};
use crate::api::problem::Problem;
use crate::api::query::ListQuery;
use crate::api::{App, Path, blocking};
use crate::store::StoreError;

/// All entries of one entity, those under its earlier and later ids included, oldest first. Further parameters as for the list.
#[utoipa::path(get, path = "/sites/{site}/entities/{type}/{id}/history", tag = "entities",
    params(("site" = String, Path), ("type" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = EntriesOut), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(in crate::api) async fn history(
    State(app): State<App>,
    caller: Caller,
    Path((site, entity_type, entity_id)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Json<EntriesOut>, Problem> {
    let mut query = ListQuery::parse(query.as_deref(), Order::OLDEST_FIRST)?;
    blocking(move || {
        let part = caller.on_part_of_site(Permission::Read, &site, app.indelible.sites())?;
        let entity = of_entity(&app.indelible, &part, &entity_type, &entity_id)?;
        query.filter = entity.and(query.filter);
        answer(&app, &Parts::from(part), query).map(Json)
    })
    .await
}

/// The entries of an entity in a part of a log. That two ids are one entity may be told by entries outside of the part
/// alone, so that its other ids are followed in the whole log only.
pub(crate) fn of_entity(
    indelible: &Indelible,
    part: &Part,
    entity_type: &str,
    entity_id: &str,
) -> Result<Filter, StoreError> {
    if part.only.is_none() {
        return indelible.search().of_entity(&part.site, entity_type, entity_id);
    }
    let named =
        Filter::equals(Field::EntityType, entity_type).and(Filter::equals(Field::EntityId, entity_id));
    Ok(part.within(named))
}

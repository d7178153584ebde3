//! It is a store as every other.

use std::cell::RefCell;

use super::Fresh;
use crate::store::conformance;

#[test]
fn the_postgres_store_conforms() {
    let made = RefCell::new(Vec::new());
    conformance(|| {
        let fresh = Fresh::new();
        let store = fresh.open();
        made.borrow_mut().push(fresh);
        store
    });
}

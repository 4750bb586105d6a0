//! Objects made of names that may come again.

use super::bounds::{Budget, Exceeded};
use jaq_json::{Map, Val};
use std::rc::Rc;

/// What comes under a name once more becomes an array. No `value` is an array itself.
pub fn append(fields: &mut Map, name: Val, value: Val, budget: &mut Budget) -> Result<(), Exceeded> {
    match fields.get_mut(&name) {
        None => {
            fields.insert(name, value);
        }
        // It is held nowhere else, so that nothing is copied.
        Some(Val::Arr(items)) => Rc::make_mut(items).push(value),
        Some(first) => {
            budget.value()?;
            budget.enter()?;
            budget.leave();
            *first = [std::mem::take(first), value].into_iter().collect();
        }
    }
    Ok(())
}

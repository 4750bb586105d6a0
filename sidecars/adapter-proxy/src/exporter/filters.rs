//! Filters as the configuration of a page has them. Each is compiled once, though it may be there many times.

use crate::filter::{Program, Wrong};
use jaq_json::Val;
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;
use std::slice;

/// What the whole page is called within a filter.
const ROOT: [&str; 1] = ["$root"];

#[derive(Default)]
pub struct Filters(HashMap<String, Rc<Program>>);

pub struct Filter(Rc<Program>);

impl Filters {
    /// # Errors
    /// Where it is wrong.
    pub fn compile(&mut self, code: &str) -> Result<Filter, Wrong> {
        if let Some(program) = self.0.get(code) {
            return Ok(Filter(program.clone()));
        }
        let program = Rc::new(Program::compile(code, &ROOT)?);
        self.0.insert(code.into(), program.clone());
        Ok(Filter(program))
    }
}

impl Filter {
    /// Its first output, if it has one.
    ///
    /// # Errors
    /// Why it fails.
    pub fn first<'v>(&'v self, item: &'v Val, root: &'v Val) -> Result<Option<Cow<'v, Val>>, String> {
        self.0.first(item, slice::from_ref(root)).map_err(|unfit| unfit.to_string())
    }

    /// Calls `take` with each of its outputs.
    ///
    /// # Errors
    /// Why it fails, perhaps after some.
    pub fn each(&self, item: &Val, root: &Val, mut take: impl FnMut(&Val)) -> Result<(), String> {
        let all = self.0.each(item, slice::from_ref(root), |output| {
            take(&output);
            true
        });
        all.map_err(|unfit| unfit.to_string())
    }
}

//! README has excerpts of tables that are whole in the pages of the programs. Who brings new figures there must not
//! forget them here.

use crate::pages::Page;
use e2e::session::blocks;

#[test]
fn the_readmes_figures_are_those_of_the_pages() {
    let pages = Page::all();
    let (readme, others): (Vec<&Page>, _) = pages.iter().partition(|page| page.name == "README.md");
    let whole: Vec<&str> = others
        .iter()
        .filter(|page: &&&Page| page.name.starts_with("docs/"))
        .flat_map(|page| blocks(&page.text))
        .filter(|block| block.info == "text")
        .flat_map(|block| block.lines)
        .collect();
    let excerpts: Vec<&str> = blocks(&readme[0].text)
        .into_iter()
        .filter(|block| block.info == "text")
        .flat_map(|block| block.lines)
        .collect();
    assert!(excerpts.len() > 10, "README has tables");
    let alone: Vec<&str> = excerpts.into_iter().filter(|line| !whole.contains(line)).collect();
    assert!(alone.is_empty(), "these are in no page of docs/:\n{}", alone.join("\n"));
}

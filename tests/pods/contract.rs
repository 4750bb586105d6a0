use e2e::contract::{self, Container, Stage};
use e2e::engine::Engine;
use std::sync::{Arc, Mutex, Weak};

/// The engine and its images, shared by the tests that run at the same time and gone after the last of them. Nothing,
/// where there is no engine and none can be installed.
pub fn stage() -> Option<Arc<Stage>> {
    static STAGE: Mutex<Weak<Stage>> = Mutex::new(Weak::new());
    let mut shared = STAGE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(stage) = shared.upgrade() {
        return Some(stage);
    }
    match Engine::find_or_install() {
        Ok(engine) => {
            let stage = Arc::new(Stage::new(engine).unwrap());
            *shared = Arc::downgrade(&stage);
            Some(stage)
        }
        Err(error) => {
            e2e::skip(&format!("{error:#}"));
            None
        }
    }
}

const SERVER_FIRST: [Container; 2] = [Container::Server, Container::Writer];
const WRITER_FIRST: [Container; 2] = [Container::Writer, Container::Server];

#[test]
fn containers_serve_each_other_whichever_is_first() {
    let Some(stage) = stage() else { return };
    for order in [SERVER_FIRST, WRITER_FIRST] {
        contract::peers_serve_each_other(&stage.textbook_pod(order).unwrap()).unwrap();
    }
}

#[test]
fn containers_share_ip_mac_and_devices() {
    let Some(stage) = stage() else { return };
    contract::peers_share_the_network(&stage.textbook_pod(SERVER_FIRST).unwrap()).unwrap();
}

#[test]
fn containers_are_in_the_namespaces_of_pause() {
    let Some(stage) = stage() else { return };
    contract::namespaces_are_pauses(&stage.textbook_pod(WRITER_FIRST).unwrap()).unwrap();
}

#[test]
fn orphans_of_any_container_are_reaped() {
    let Some(stage) = stage() else { return };
    contract::orphans_are_reaped(&stage.textbook_pod(SERVER_FIRST).unwrap()).unwrap();
}

#[test]
fn a_container_is_replaced_and_the_pod_stays() {
    let Some(stage) = stage() else { return };
    contract::a_container_is_replaced(&mut stage.textbook_pod(SERVER_FIRST).unwrap()).unwrap();
}

#[test]
fn the_pod_ends_with_pause() {
    let Some(stage) = stage() else { return };
    contract::the_pod_ends_with_pause(&stage.textbook_pod(SERVER_FIRST).unwrap()).unwrap();
}

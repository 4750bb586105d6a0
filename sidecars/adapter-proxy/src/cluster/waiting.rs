//! Those that wait for an endpoint: for one that has a connection free, or for the first answer of a name server. First
//! come, first served.

use super::{Endpoint, Try, Unavailable};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use tokio::sync::oneshot::{Receiver, Sender, channel};

#[derive(Default)]
pub struct Waiting {
    queue: RefCell<VecDeque<Waiter>>,
    /// Somebody goes through the queue
    serving: Cell<bool>,
    /// There was a reason to begin anew
    again: Cell<bool>,
}

struct Waiter {
    tried: Vec<Rc<Endpoint>>,
    to: Sender<Result<Try, Unavailable>>,
}

impl Waiting {
    pub fn count(&self) -> usize {
        self.queue.borrow().iter().filter(|waiter| !waiter.to.is_closed()).count()
    }

    pub fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty()
    }

    pub fn add(&self, tried: &[Rc<Endpoint>]) -> Receiver<Result<Try, Unavailable>> {
        let (to, waiter) = channel();
        let mut queue = self.queue.borrow_mut();
        queue.retain(|waiter| !waiter.to.is_closed());
        queue.push_back(Waiter { tried: tried.to_vec(), to });
        waiter
    }

    /// Gives what there is. `choose` says `None` to whom it is to go on waiting.
    pub fn serve(&self, choose: impl Fn(&[Rc<Endpoint>]) -> Option<Result<Try, Unavailable>>) {
        if self.serving.replace(true) {
            // A try that nobody took was dropped on the way.
            self.again.set(true);
            return;
        }
        loop {
            self.again.set(false);
            self.go_through(&choose);
            if !self.again.get() {
                break;
            }
        }
        self.serving.set(false);
    }

    fn go_through(&self, choose: &impl Fn(&[Rc<Endpoint>]) -> Option<Result<Try, Unavailable>>) {
        let mut index = 0;
        loop {
            let mut queue = self.queue.borrow_mut();
            let Some(waiter) = queue.get(index) else { return };
            if waiter.to.is_closed() {
                queue.remove(index);
                continue;
            }
            let Some(result) = choose(&waiter.tried) else {
                // There is nothing for whom all would do: there is nothing for anybody.
                if waiter.tried.is_empty() {
                    return;
                }
                index += 1;
                continue;
            };
            let waiter = queue.remove(index);
            drop(queue);
            if let Some(waiter) = waiter {
                // Who does not wait any more has dropped its end.
                drop(waiter.to.send(result));
            }
        }
    }
}

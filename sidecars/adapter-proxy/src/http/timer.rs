//! A deadline that is moved with every request, and hardly ever comes.

use super::alarm::{Alarm, GRID, Waiting};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::time::Instant;

/// Moving it to a later time costs nothing: the alarm that is set rings too early then, and is set anew.
pub struct Timer {
    waiting: Rc<Waiting>,
    alarm: Rc<Alarm>,
}

impl Timer {
    pub fn at(deadline: Instant, alarm: &Rc<Alarm>) -> Self {
        let waiting = Waiting { deadline: Cell::new(deadline), rings: Cell::default(), waker: RefCell::default() };
        Self { waiting: Rc::new(waiting), alarm: alarm.clone() }
    }

    pub fn set(&mut self, deadline: Instant) {
        self.waiting.deadline.set(deadline);
    }

    /// Ready once the deadline has passed.
    pub fn poll(&mut self, context: &mut Context) -> Poll<()> {
        let deadline = self.waiting.deadline.get();
        match self.waiting.rings.get() {
            Some(rings) if rings <= deadline + GRID => {}
            None if deadline <= Instant::now() => return Poll::Ready(()),
            _ => self.alarm.add(&self.waiting),
        }
        let mut waker = self.waiting.waker.borrow_mut();
        match &mut *waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => *waker = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.alarm.remove(&self.waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::{Alarm, GRID, Timer};
    use std::future::poll_fn;
    use std::time::Duration;
    use tokio::task::LocalSet;
    use tokio::time::{Instant, sleep_until};

    #[tokio::test(start_paused = true)]
    async fn it_rings_when_it_was_set_to_last() {
        LocalSet::new()
            .run_until(async {
                let (start, alarm) = (Instant::now(), Alarm::new());
                let at = |seconds| start + Duration::from_secs(seconds);
                let mut timer = Timer::at(at(10), &alarm);
                assert!(is_pending(&mut timer).await);
                timer.set(at(20));
                rings_at(&mut timer, at(20)).await;
                timer.set(at(60));
                assert!(is_pending(&mut timer).await);
                timer.set(at(30));
                rings_at(&mut timer, at(30)).await;
                sleep_until(at(40)).await;
                timer.set(at(35));
                assert!(!is_pending(&mut timer).await, "it has passed");
            })
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn each_rings_at_its_time() {
        LocalSet::new()
            .run_until(async {
                let (start, alarm) = (Instant::now(), Alarm::new());
                let at = move |millis| start + Duration::from_millis(millis);
                let mut timers: Vec<_> = (0..100).map(|index| Timer::at(at(index * 7 % 100), &alarm)).collect();
                for timer in &mut timers[1..] {
                    assert!(is_pending(timer).await);
                }
                let gone = timers.split_off(50);
                drop(gone);
                let waits = timers.into_iter().enumerate().map(|(index, mut timer)| {
                    tokio::task::spawn_local(async move { rings_at(&mut timer, at(index as u64 * 7 % 100)).await })
                });
                for wait in waits.collect::<Vec<_>>() {
                    wait.await.unwrap();
                }
            })
            .await;
    }

    async fn is_pending(timer: &mut Timer) -> bool {
        poll_fn(|context| std::task::Poll::Ready(timer.poll(context).is_pending())).await
    }

    async fn rings_at(timer: &mut Timer, deadline: Instant) {
        poll_fn(|context| timer.poll(context)).await;
        let late = Instant::now().checked_duration_since(deadline).expect("not too soon");
        assert!(late <= GRID + Duration::from_millis(1), "{late:?}");
    }
}

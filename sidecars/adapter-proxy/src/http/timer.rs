//! A deadline that is moved with every request, and hardly ever comes.

use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::{Instant, Sleep, sleep_until};

/// Moving it to a later time costs nothing: the alarm that is set rings too early then, and is set anew.
pub struct Timer {
    deadline: Instant,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    pub fn at(deadline: Instant) -> Self {
        Self { deadline, alarm: None }
    }

    pub fn set(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    /// Ready once the deadline has passed.
    pub fn poll(&mut self, context: &mut Context) -> Poll<()> {
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(self.deadline)));
        if alarm.deadline() > self.deadline {
            alarm.as_mut().reset(self.deadline);
        }
        while alarm.as_mut().poll(context).is_ready() {
            if alarm.deadline() >= self.deadline {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(self.deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::Timer;
    use std::future::poll_fn;
    use std::time::Duration;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn it_rings_when_it_was_set_to_last() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut timer = Timer::at(at(10));
        assert!(is_pending(&mut timer).await);
        timer.set(at(20));
        poll_fn(|context| timer.poll(context)).await;
        assert_eq!(start.elapsed().as_secs(), 20);
        timer.set(at(60));
        assert!(is_pending(&mut timer).await);
        timer.set(at(30));
        poll_fn(|context| timer.poll(context)).await;
        assert_eq!(start.elapsed().as_secs(), 30);
    }

    async fn is_pending(timer: &mut Timer) -> bool {
        poll_fn(|context| std::task::Poll::Ready(timer.poll(context).is_pending())).await
    }
}

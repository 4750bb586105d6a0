//! What becomes of the bytes of a log: events, and of these what the sink takes.

use crate::batch::Batch;
use crate::config::Config;
use crate::decode::Decoder;
use crate::encode::Encoder;
use crate::encode::kubernetes::Kubernetes;
use crate::encode::shape::Shape;
use crate::window::{More, Window};
use chassis::exit::Usage;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// A shape is some hundred bytes, and there may be ten thousand logs.
const SHAPES: usize = 256;

pub struct Route {
    decoders: Vec<Decoder>,
    encoder: Encoder,
    kubernetes: Kubernetes,
    /// Of the logs that were read last, by their numbers. A number is given again, so each is with the path that it is of
    shapes: HashMap<usize, (Arc<Path>, Shape)>,
    pub counted: Counted,
}

/// Events, since the start.
#[derive(Clone, Copy, Default)]
pub struct Counted {
    pub events: u64,
    pub left_out: u64,
}

/// How far a window got.
pub struct Passed {
    pub consumed: usize,
    /// A group of lines in it has no end yet
    pub waiting: bool,
    /// The batch has no room for the next event
    pub stopped: bool,
}

impl Route {
    /// As the configuration has it. `owner` is the name of the state directory.
    ///
    /// # Errors
    /// When the configuration makes no sense.
    pub fn new(config: &Config, owner: [u8; 16]) -> Result<Self, Usage> {
        Ok(Self {
            decoders: config.inputs.iter().map(Decoder::new).collect(),
            encoder: Encoder::new(&config.output, &config.inputs, owner)
                .map_err(|error| Usage(format!("{error:#}")))?,
            kubernetes: Kubernetes::new(&config.kubernetes),
            shapes: HashMap::new(),
            counted: Counted::default(),
        })
    }

    /// What is known of the pod may be different now.
    pub fn refresh(&mut self) {
        if self.kubernetes.changed() {
            self.shapes.clear();
        }
    }

    /// Decodes a window of the log with number `log` at `path`, which is of input `input`, into `batch`, which should
    /// not be larger than `limit` bytes.
    pub fn pass(
        &mut self,
        (log, input, path): (usize, usize, &Arc<Path>),
        window: &Window,
        more: More,
        batch: &mut Batch,
        limit: usize,
    ) -> Passed {
        let Self { decoders, encoder, kubernetes, shapes, counted } = self;
        if shapes.len() >= SHAPES && !shapes.contains_key(&log) {
            shapes.clear();
        }
        if shapes.get(&log).is_some_and(|(known, _)| known != path) {
            shapes.remove(&log);
        }
        let made = || (path.clone(), encoder.shape(input, path, kubernetes));
        let (_, shape) = shapes.entry(log).or_insert_with(made);
        encoder.now();
        let mut stopped = false;
        let decoded = decoders[input].decode(window, more, &mut |event| {
            // A document is longer than its text, as a rule by less than that. What is too large is sent in two requests.
            let size = event.text.len() + event.text.len() / 4 + 512;
            if batch.body.len() + size > limit && !batch.is_empty() {
                stopped = true;
                return ControlFlow::Break(());
            }
            counted.events += 1;
            if !encoder.encode(event, shape, batch) {
                counted.left_out += 1;
            }
            ControlFlow::Continue(())
        });
        Passed { consumed: decoded.consumed, waiting: decoded.waiting, stopped }
    }
}

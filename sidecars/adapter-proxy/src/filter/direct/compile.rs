//! From jq's tree of a filter.

use super::functions::Function;
use super::{Direct, Index, Place, Step};
use jaq_core::ValT;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{self, BinaryOp};
use jaq_core::load::span;
use jaq_core::path::{Opt, Part};
use jaq_json::Val;

type Term<'c> = parse::Term<&'c str>;

/// A filter, and the names that are known in it.
struct Source<'c> {
    code: &'c str,
    variables: &'c [&'c str],
}

impl Direct {
    /// `None` of what takes jq, and of what is no filter. `variables` are the names that are known, each with its `$`.
    pub fn compile(code: &str, variables: &[&str]) -> Option<Self> {
        Source { code, variables }.term(jaq_core::load::parse(code, |parser| parser.term())?)
    }

    fn text(text: impl Into<String>) -> Self {
        Self::Constant(Val::from(text.into()))
    }
}

impl<'c> Source<'c> {
    fn term(&self, term: Term<'c>) -> Option<Direct> {
        let of = |term| self.term(term);
        let one = |term| self.one(term);
        Some(match term {
            Term::Id => Direct::Input,
            Term::Num(number) => Direct::Constant(match number.parse::<isize>() {
                Ok(integer) => integer.into(),
                Err(_) => Val::from_num(number).ok()?,
            }),
            Term::Str(None, parts) => self.parts(parts)?,
            Term::Var(name) => Direct::Variable(self.variables.iter().position(|variable| *variable == name)?),
            Term::Arr(None) => Direct::Array(None),
            Term::Arr(Some(term)) => Direct::Array(Some(of(*term)?.into())),
            Term::Obj(fields) => {
                Direct::Object(fields.into_iter().map(|field| self.field(field)).collect::<Option<_>>()?)
            }
            Term::Neg(term) => {
                let place = self.place(&term);
                match one(*term)? {
                    Direct::Constant(number @ Val::Num(_)) => Direct::Constant((-number).ok()?),
                    term => Direct::Negative(term.into(), place),
                }
            }
            Term::Path(start, path) => {
                let mut place = self.place(&start);
                let step = |(part, optional)| self.step(part, optional, &mut place);
                let steps = path.0.into_iter().map(step).collect::<Option<_>>()?;
                Direct::Path(of(*start)?.into(), steps)
            }
            Term::IfThenElse(choices, otherwise) => {
                let otherwise = otherwise.map_or(Some(Direct::Input), |otherwise| of(*otherwise))?;
                choices.into_iter().rev().try_fold(otherwise, |otherwise, (condition, then)| {
                    Some(Direct::Choice(Box::new((one(condition)?, of(then)?, otherwise))))
                })?
            }
            Term::BinOp(left, operator, right) => {
                let place = self.place(&left).or_else(|| self.place(&right));
                let (left, right) = (of(*left)?, of(*right)?);
                let (are_one, two) = (left.is_one() && right.is_one(), Box::new((left, right)));
                match operator {
                    BinaryOp::Pipe(None) => Direct::Pipe(two),
                    BinaryOp::Comma => Direct::Both(two),
                    _ if !are_one => return None,
                    BinaryOp::Math(operator) => Direct::Math(two, operator, place),
                    BinaryOp::Cmp(operator) => Direct::Comparison(two, operator),
                    BinaryOp::And => Direct::Logic(two, false),
                    BinaryOp::Or => Direct::Logic(two, true),
                    BinaryOp::Alt => Direct::Alternative(two),
                    _ => return None,
                }
            }
            Term::Call(name, arguments) => self.call(name, arguments)?,
            _ => return None,
        })
    }

    /// `map` and `select` are what they are to jq: `def map(f): [.[] | f]; def select(f): if f then . else empty end;`
    fn call(&self, name: &'c str, mut arguments: Vec<Term<'c>>) -> Option<Direct> {
        let place = self.inside(name);
        Some(match (name, arguments.len()) {
            ("empty", 0) => Direct::Nothing,
            ("null", 0) => Direct::Constant(Val::Null),
            ("true", 0) => Direct::Constant(true.into()),
            ("false", 0) => Direct::Constant(false.into()),
            ("map", 1) => {
                let all = Step { index: Index::All, optional: false, place };
                let items = Direct::Path(Direct::Input.into(), vec![all]);
                Direct::Array(Some(Box::new(Direct::Pipe(Box::new((items, self.term(arguments.pop()?)?))))))
            }
            ("select", 1) => Direct::Choice(Box::new((self.one(arguments.pop()?)?, Direct::Input, Direct::Nothing))),
            (_, count) => {
                let function = Function::find(name, count)?;
                let arguments = arguments.into_iter().map(|argument| self.one(argument)).collect::<Option<_>>()?;
                Direct::Call(function, arguments, place)
            }
        })
    }

    /// One that has no more than one output.
    fn one(&self, term: Term<'c>) -> Option<Direct> {
        self.term(term).filter(Direct::is_one)
    }

    fn parts(&self, parts: Vec<StrPart<&'c str, Term<'c>>>) -> Option<Direct> {
        let part = |part| match part {
            StrPart::Str(text) => Some(Direct::text(text)),
            StrPart::Char(letter) => Some(Direct::text(letter)),
            StrPart::Term(term) => self.one(term),
        };
        let is_plain = parts.iter().all(|part| matches!(part, StrPart::Str(_)));
        let mut parts = parts.into_iter().map(part).collect::<Option<Vec<_>>>()?;
        Some(match (parts.pop(), parts.is_empty() && is_plain) {
            (None, _) => Direct::text(""),
            (Some(only), true) => only,
            (last, _) => Direct::Text(parts.into_iter().chain(last).collect()),
        })
    }

    fn field(&self, (name, value): (Term<'c>, Option<Term<'c>>)) -> Option<(Direct, Direct)> {
        match (name, value) {
            (name, Some(value)) => Some((self.one(name)?, self.one(value)?)),
            (Term::Var(name), None) => Some((Direct::text(name.get(1..)?), self.term(Term::Var(name))?)),
            (name, None) => {
                let place = self.place(&name);
                let Direct::Constant(name) = self.term(name)? else { return None };
                let step = Step { index: Index::Is(name.clone()), optional: false, place };
                Some((Direct::Constant(name), Direct::Path(Direct::Input.into(), vec![step])))
            }
        }
    }

    /// `place` is the last one that is known.
    fn step(&self, part: Part<Term<'c>>, optional: Opt, place: &mut Option<Place>) -> Option<Step> {
        let index = match part {
            Part::Index(index) => {
                *place = self.place(&index).or(*place);
                match self.term(index)? {
                    Direct::Constant(value) => Index::Is(value),
                    Direct::Variable(variable) => Index::Variable(variable),
                    _ => return None,
                }
            }
            Part::Range(None, None) => Index::All,
            Part::Range(..) => return None,
        };
        Some(Step { index, optional: matches!(optional, Opt::Optional), place: *place })
    }

    /// Of the first thing in it that has one: jq keeps that of names, numbers and texts.
    fn place(&self, term: &Term<'c>) -> Option<Place> {
        let part = match term {
            Term::Num(part) | Term::Var(part) | Term::Call(part, _) => part,
            Term::Str(_, parts) => match parts.first()? {
                StrPart::Str(part) => part,
                StrPart::Term(term) => return self.place(term),
                StrPart::Char(_) => return None,
            },
            Term::Arr(Some(inner)) | Term::Neg(inner) => return self.place(inner),
            Term::Obj(fields) => return self.place(&fields.first()?.0),
            Term::Path(start, path) => {
                let index = path.0.iter().find_map(|(part, _)| match part {
                    Part::Index(index) => Some(index),
                    Part::Range(..) => None,
                });
                return self.place(start).or_else(|| self.place(index?));
            }
            Term::IfThenElse(choices, _) => return self.place(&choices.first()?.0),
            Term::BinOp(left, _, right) => return self.place(left).or_else(|| self.place(right)),
            _ => return None,
        };
        self.inside(part)
    }

    /// None of what the parser has made itself.
    fn inside(&self, part: &str) -> Option<Place> {
        let is_inside = self.code.as_bytes().as_ptr_range().contains(&part.as_ptr());
        is_inside.then(|| Place::of(self.code, span(self.code, part).start))
    }
}

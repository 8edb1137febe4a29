//! What it costs to understand a text and to mask what must not be kept in it.
//!
//! Both together have to stay under 20 µs for a text of 160 letters, so that Twilio
//! never waits for them.
//!
//! `cargo bench --package leadslock --bench text`

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use trust::{consent, text::redaction};

/// Texts of about 160 letters: all rules are tried on the ordinary ones, and most
/// words of the last are neither English nor without accents.
const TEXTS: [(&str, &str); 3] = [
    (
        "ordinary English",
        "Hi there, my bike has been making a grinding noise since Tuesday and I was wondering \
         if you could take a look at it this week, thanks so much, Amanda Tremblay",
    ),
    (
        "a wish at the end",
        "Thanks for fixing my bike last month, the brakes feel great and the chain is quiet, \
         but I really do not need any more texts from you so please take me off",
    ),
    (
        "ordinary French",
        "Bonjour, j'ai un rendez-vous jeudi pour mes pneus d'hiver mais ma voiture ne démarre \
         plus depuis hier soir, pouvez-vous envoyer la remorqueuse avant midi svp",
    ),
];

fn understand_and_mask(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("classify and redact");
    for (name, text) in TEXTS {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                (redaction::redact(black_box(text)), consent::classify(black_box(text), None))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, understand_and_mask);
criterion_main!(benches);

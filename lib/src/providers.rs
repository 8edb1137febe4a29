//! Who else takes part, each as its own client: the only ways out of a process.

pub mod egress;
pub mod groq;
pub mod stripe;
pub mod supabase;
pub mod twilio;

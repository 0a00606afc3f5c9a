//! How much a server has to do, by its own account, whoever sent it.

use std::time::Duration;

use super::watch::Subject;

/// The least that an account is believed for: within a second, a queue fills or empties.
const FRESH: Duration = Duration::from_secs(1);
/// So many intervals it is believed for where they are longer.
const INTERVALS: u32 = 2;

/// The requests that a server works on: by vLLM, NVIDIA's NIM, SGLang and TGI.
const RUNNING: [&str; 4] =
    ["vllm:num_requests_running", "num_requests_running", "sglang:num_running_reqs", "tgi_batch_current_size"];
/// Those that wait there: by the same, and TEI.
const WAITING: [&str; 5] =
    ["vllm:num_requests_waiting", "num_requests_waiting", "sglang:num_queue_reqs", "tgi_queue_size", "te_queue_size"];

/// Asks a server how much it has to do, again and again.
pub(super) async fn follow(subject: Subject) {
    let fresh = FRESH.max(subject.every() * INTERVALS);
    let mut was_told = None;
    loop {
        let load = match subject.fetch().await {
            Ok(page) => {
                Load::read(&String::from_utf8_lossy(&page)).ok_or_else(|| "no number of requests is on the page".to_owned())
            }
            Err(error) => Err(error.to_string()),
        };
        let backend = subject.backend().as_str();
        // Said when it changes: a server that does not tell is asked on, twice a second.
        match &load {
            Err(reason) if was_told != Some(false) => {
                tracing::warn!(backend, reason, "the server does not tell its load: only our own requests there are counted");
            }
            Ok(_) if was_told == Some(false) => tracing::info!(backend, "the server tells its load again"),
            _ => {}
        }
        was_told = Some(load.is_ok());
        if let Ok(Load { running, waiting }) = load {
            subject.deployments().iter().for_each(|deployment| deployment.observe_load(running, waiting, fresh));
        }
        subject.pause().await;
    }
}

/// What a server has to do.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Load {
    /// How many requests it works on.
    pub(super) running: f64,
    /// How many wait there.
    pub(super) waiting: f64,
}

impl Load {
    /// What a page in Prometheus' text format tells of it: the sums over all models and engines. `None` if it tells nothing.
    pub(super) fn read(page: &str) -> Option<Self> {
        let mut load = None;
        for (name, value) in page.lines().filter_map(sample) {
            if RUNNING.contains(&name) {
                load.get_or_insert_with(Self::default).running += value;
            } else if WAITING.contains(&name) {
                load.get_or_insert_with(Self::default).waiting += value;
            }
        }
        load
    }
}

/// The name and the value of a line `name{label="text",…} value [timestamp]`; `None` for every other, and where the value counts nothing.
///
/// <https://prometheus.io/docs/instrumenting/exposition_formats/>
fn sample(line: &str) -> Option<(&str, f64)> {
    let line = line.trim_start();
    let (name, rest) = line.split_at(line.find(['{', ' ', '\t'])?);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('{').map_or(Some(rest), after_labels)?;
    let value: f64 = rest.split_ascii_whitespace().next()?.parse().ok()?;
    (value.is_finite() && value >= 0.0).then_some((name, value))
}

/// What follows the brace that closes the labels; one within quotes does not.
fn after_labels(text: &str) -> Option<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_quoted,
            b'"' => is_quoted = !is_quoted,
            b'}' if !is_quoted => return text.get(place + 1..),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(page: &str) -> Option<(f64, f64)> {
        Load::read(page).map(|load| (load.running, load.waiting))
    }

    #[test]
    fn every_kind_of_server_is_understood() {
        for (page, load) in [
            ("vllm:num_requests_running{engine=\"0\"} 3.0\nvllm:num_requests_waiting{engine=\"0\"} 1.0\n", (3.0, 1.0)),
            ("num_requests_running{model_name=\"m\"} 3\nnum_requests_waiting{model_name=\"m\"} 1\n", (3.0, 1.0)),
            ("sglang:num_running_reqs{tp_rank=\"0\"} 4\nsglang:num_queue_reqs{tp_rank=\"0\"} 2\n", (4.0, 2.0)),
            ("tgi_batch_current_size 8\ntgi_queue_size 5\n", (8.0, 5.0)),
            ("te_queue_size 6\n", (0.0, 6.0)),
        ] {
            assert_eq!(told(page), Some(load), "{page}");
        }
    }

    #[test]
    fn models_and_engines_are_added_up_and_other_lines_are_left_alone() {
        let page = "# HELP vllm:num_requests_running 99\n\
                    # TYPE vllm:num_requests_running gauge\n\
                    vllm:num_requests_running{engine=\"0\",model_name=\"a } \\\" b\"} 2.0 1700000000000\r\n\
                    \tvllm:num_requests_running {engine=\"1\"}\t3\n\
                    vllm:num_requests_running_total 70\n\
                    vllm:num_requests_waiting NaN\n\
                    vllm:num_requests_waiting +Inf\n\
                    vllm:num_requests_waiting -1\n\
                    vllm:num_requests_waiting{broken=\"\n\
                    vllm:num_requests_waiting\n";
        assert_eq!(told(page), Some((5.0, 0.0)));
    }

    #[test]
    fn a_page_without_any_of_it_tells_nothing() {
        for page in
            ["", "<html><body>not here</body></html>", "# vllm:num_requests_running 1", "process_open_fds 12\n", "{", "é{} 1"]
        {
            assert_eq!(told(page), None, "{page}");
        }
    }
}

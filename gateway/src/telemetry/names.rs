//! The names of all metrics and their labels, in one place.
//!
//! Where OpenTelemetry's semantic conventions for generative AI have a name, it is theirs, with dots turned into underscores and the
//! unit appended as Prometheus asks for.

/// Requests that have ended, by operation, status and outcome.
pub const REQUESTS: &str = "tradewind_requests_total";
/// Requests that are being served.
pub const IN_FLIGHT: &str = "tradewind_requests_in_flight";
/// From the request's head to the end of its answer, in seconds (`gen_ai.server.request.duration`).
pub const REQUEST_DURATION: &str = "gen_ai_server_request_duration_seconds";
/// From the request's head to the first content of a stream, in seconds (`gen_ai.server.time_to_first_token`).
pub const TIME_TO_FIRST_TOKEN: &str = "gen_ai_server_time_to_first_token_seconds";
/// Time per token of a stream after the first, in seconds (`gen_ai.server.time_per_output_token`).
pub const TIME_PER_OUTPUT_TOKEN: &str = "gen_ai_server_time_per_output_token_seconds";
/// Tokens of a request (`gen_ai.client.token.usage`).
pub const TOKEN_USAGE: &str = "gen_ai_client_token_usage";
/// Time until the response's head that was not spent waiting for a backend, in seconds.
pub const OVERHEAD: &str = "tradewind_gateway_overhead_seconds";
/// Attempts at backends, by what became of them.
pub const ATTEMPTS: &str = "tradewind_attempts_total";
/// Second attempts beside slow ones, by the backend they went to.
pub const HEDGES: &str = "tradewind_hedges_total";
/// Of those, the ones that answered first.
pub const HEDGES_WON: &str = "tradewind_hedges_won_total";
/// What attempts cost that were called off because another was quicker, in billionths of a US dollar.
pub const HEDGE_COST: &str = "tradewind_hedge_cost_nano_usd_total";
/// What answers cost, in billionths of a US dollar.
pub const COST: &str = "tradewind_cost_nano_usd_total";
/// What attempts cost that were given up because they took too long, in billionths of a US dollar.
pub const FAILED_COST: &str = "tradewind_failed_cost_nano_usd_total";
/// What is left of a tenant's budget, in billionths of a US dollar, by tenant and period.
pub const BUDGET_LEFT: &str = "tradewind_budget_left_nano_usd";
/// First attempts of requests of routes with a canary that were answered or failed, by route and arm.
pub const CANARY_REQUESTS: &str = "tradewind_canary_requests_total";
/// Of those, the ones that failed by the backend's fault.
pub const CANARY_ERRORS: &str = "tradewind_canary_errors_total";
/// From the beginning of such an attempt to the first token of its stream, in seconds.
pub const CANARY_FIRST_TOKEN: &str = "tradewind_canary_first_token_seconds";
/// 1 where the canary of a route was given up.
pub const CANARY_ABORTED: &str = "tradewind_canary_aborted";
/// Requests that were led on to a larger model, by the route that they left last, for which they are too long, and the model. That a budget refuses one
/// then is counted elsewhere.
pub const LARGER_CONTEXT: &str = "tradewind_larger_context_total";
/// Copies of requests, by route, backend and what became of them.
pub const SHADOW_REQUESTS: &str = "tradewind_shadow_requests_total";
/// From the beginning of an attempt to the first content of its stream, in seconds, of the client's answer and of its copy's.
pub const SHADOW_FIRST_TOKEN: &str = "tradewind_shadow_first_token_seconds";
/// From the beginning of an attempt to the end of its answer, in seconds, of both.
pub const SHADOW_DURATION: &str = "tradewind_shadow_duration_seconds";
/// How many times as many tokens the copy's answer has as the client's.
pub const SHADOW_LENGTH_RATIO: &str = "tradewind_shadow_output_tokens_ratio";
/// How like the embeddings of both are: the least cosine of an answer.
pub const SHADOW_SIMILARITY: &str = "tradewind_shadow_similarity";
/// What the answers to copies cost, in billionths of a US dollar.
pub const SHADOW_COST: &str = "tradewind_shadow_cost_nano_usd_total";
/// What is left of what copies may cost today, in billionths of a US dollar, by route.
pub const SHADOW_BUDGET_LEFT: &str = "tradewind_shadow_budget_left_nano_usd";
/// 1 where a backend takes no new request, by its policy or by an operator.
pub const BACKEND_DRAINED: &str = "tradewind_backend_drained";
/// When the next drain of a backend begins that its policy schedules, in seconds since 1970.
pub const NEXT_DRAIN: &str = "tradewind_backend_next_drain_timestamp_seconds";
/// What is left of what a tenant may spend on a route today, in billionths of a US dollar, by tenant and route.
pub const CEILING_LEFT: &str = "tradewind_ceiling_left_nano_usd";
/// Requests that went to a later tier because none of the earlier was predicted to keep to the route's `slo`, by backend.
pub const SPILLS: &str = "tradewind_spills_total";
/// Requests with an idempotency key, by what they led to.
pub const IDEMPOTENCY_REQUESTS: &str = "tradewind_idempotency_requests_total";
/// Executions for an idempotency key that have ended, by what became of their answers.
pub const IDEMPOTENCY_EXECUTIONS: &str = "tradewind_idempotency_executions_total";
/// Answers that are kept for their idempotency keys.
pub const IDEMPOTENCY_STORED_ANSWERS: &str = "tradewind_idempotency_stored_answers";
/// What these answers count for in memory, in bytes.
pub const IDEMPOTENCY_STORED_BYTES: &str = "tradewind_idempotency_stored_bytes";
/// Answers that broke off elsewhere and went on here, by the backend that went on.
pub const CONTINUATIONS: &str = "tradewind_continuations_total";
/// Reloads of the policy, by result.
pub const POLICY_RELOADS: &str = "tradewind_policy_reloads_total";
/// Records of the decision log, by what became of them: `written`, or dropped because of the `disk` or a full queue.
pub const DECISIONS: &str = "tradewind_decision_records_total";
/// When the policy in force was loaded, in seconds since 1970.
pub const POLICY_LOADED: &str = "tradewind_policy_loaded_timestamp_seconds";
/// 1 where the last reload failed and an older policy is in force.
pub const POLICY_STALE: &str = "tradewind_policy_stale";
/// Always 1; its label is the beginning of the hash of the policy in force.
pub const POLICY_INFO: &str = "tradewind_policy_info";
/// For how long the policy in force has been, in seconds.
pub const POLICY_AGE: &str = "tradewind_policy_age_seconds";
/// How long a request that came now would wait for a local model, in seconds, as the model's engine predicts it.
pub const LOCAL_WAIT: &str = "tradewind_local_predicted_wait_seconds";
/// Local models, by how far they have come.
pub const LOCAL_MODELS: &str = "tradewind_local_models";
/// What is set aside of memory for a local model, in bytes.
pub const LOCAL_MEMORY: &str = "tradewind_local_memory_bytes";
/// From the wish for a local model to its readiness, in seconds, fetching included.
pub const LOCAL_LOAD: &str = "tradewind_local_load_seconds";
/// Attempts to bring a local model in, by result.
pub const LOCAL_LOADS: &str = "tradewind_local_loads_total";

/// Label: what was asked for (`gen_ai.operation.name`).
pub const OPERATION: &str = "gen_ai_operation_name";
/// Label: the kind of provider that answered (`gen_ai.provider.name`).
pub const PROVIDER: &str = "gen_ai_provider_name";
/// Label: what the backend calls the model (`gen_ai.response.model`).
pub const MODEL: &str = "gen_ai_response_model";
/// Label: `input` or `output` (`gen_ai.token.type`).
pub const TOKEN_TYPE: &str = "gen_ai_token_type";
/// Label: the backend.
pub const BACKEND: &str = "backend";
/// Label: the route.
pub const ROUTE: &str = "route";
/// Label: `canary` or `control`.
pub const ARM: &str = "arm";
/// Label: `primary` for what the client gets, `shadow` for what is compared with it.
pub const SIDE: &str = "side";
/// Label: the HTTP status.
pub const STATUS: &str = "status";
/// Label: the tenant.
pub const TENANT: &str = "tenant";
/// Label: `day` or `month`, in UTC.
pub const PERIOD: &str = "period";
/// Label: how a request or an attempt ended.
pub const OUTCOME: &str = "outcome";
/// Label: how far a local model has come.
pub const STATE: &str = "state";
/// Label: the first digits of a policy's hash.
pub const POLICY: &str = "policy";
/// Label: `ok` or `error`.
pub const RESULT: &str = "result";

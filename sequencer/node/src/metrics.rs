//! What operators see of a sequencer and of a follower; see [`weft_service::catalogue`].

use weft_service::catalogue::Metric;

/// Metrics of a sequencer.
pub const METRICS: &[Metric] = &[
    Metric::gauge("weft_sequencer_latest_block", &[], "Newest durable block."),
    Metric::gauge("weft_sequencer_safe_block", &[], "Newest block whose batch settlement has found available."),
    Metric::gauge("weft_sequencer_finalized_block", &[], "Newest block whose batch is final at settlement."),
    Metric::counter("weft_sequencer_blocks_total", &[], "Blocks made durable."),
    Metric::counter(
        "weft_sequencer_block_writes_total",
        &[],
        "Writes to the database that held one or more blocks each.",
    ),
    Metric::counter("weft_sequencer_transactions_executed_total", &[], "Transactions in durable blocks."),
    Metric::counter("weft_sequencer_gas_used_total", &[], "Gas of durable blocks."),
    Metric::histogram("weft_sequencer_block_execute_seconds", &[], "Executing a block, root of the state included."),
    Metric::histogram("weft_sequencer_block_total_seconds", &[], "A block from its beginning until it is durable."),
    Metric::counter("weft_sequencer_transactions_accepted_total", &[], "Transactions taken into the pool."),
    Metric::counter(
        "weft_sequencer_transactions_refused_total",
        &["reason"],
        "Transactions refused at the door, by reason.",
    ),
    Metric::counter(
        "weft_sequencer_transactions_dropped_total",
        &[],
        "Transactions that were in the pool and could no longer be executed.",
    ),
    Metric::gauge("weft_sequencer_pool_transactions", &[], "Transactions that wait in the pool."),
    Metric::counter(
        "weft_sequencer_executions_total",
        &["how"],
        "How transactions were executed: `ahead`, `in_turn` and `paid` (without the EVM) once each, `repeated` twice; \
         `aborted` are among the repeated.",
    ),
    Metric::counter(
        "weft_sequencer_conflicts_total",
        &["at"],
        "Repeated and not aborted executions, at each block's `hottest` place or `elsewhere`; weft_blockStats names the \
         places.",
    ),
    Metric::histogram("weft_sequencer_execution_wall_seconds", &[], "How long the transactions of a block took."),
    Metric::histogram(
        "weft_sequencer_execution_busy_seconds",
        &[],
        "How long all threads together were at work on a block's transactions; over the wall time: the speed-up.",
    ),
    Metric::histogram(
        "weft_sequencer_execution_speed_up",
        &[],
        "Busy time over wall time of each block that several threads took part in; a ratio.",
    ),
    Metric::counter(
        "weft_sequencer_rewinds_total",
        &[],
        "How often blocks that were confirmed and not posted were taken back, because a forced batch took their place.",
    ),
    Metric::counter(
        "weft_sequencer_requeue_dropped_total",
        &[],
        "Transactions of such blocks that could be in no block again.",
    ),
    Metric::counter("weft_sequencer_batches_total", &[], "Batches cut."),
    Metric::counter("weft_sequencer_batch_bytes_total", &[], "Bytes of batches as they go to the DA layer."),
    Metric::counter("weft_sequencer_batch_transactions_total", &[], "Transactions in batches."),
    Metric::gauge(
        "weft_sequencer_batches_pending",
        &[],
        "Batches cut and not yet posted; at batch.max_pending new transactions are refused.",
    ),
    Metric::gauge("weft_sequencer_posting_halted", &[], "1 while posting is halted; the log and /status say why."),
    Metric::counter(
        "weft_sequencer_submit_failures_total",
        &["service"],
        "Puts to `da` and posts to `settlement` that failed; each is tried again.",
    ),
];

/// Metrics of a follower, and of a sequencer that derives what it has lost.
pub const NODE_METRICS: &[Metric] = &[
    Metric::gauge(
        "weft_node_disagreement",
        &[],
        "1 once the node's own verdict was not the log's: it follows no further; the log says why.",
    ),
    Metric::gauge(
        "weft_node_broken_promises",
        &[],
        "Promises of the sequencer since the start that it broke: it posted another block; evidence is in a file.",
    ),
    Metric::counter(
        "weft_node_promises_heard_total",
        &["outcome"],
        "Promises that came with the sequencer's blocks: `kept` until the block is derived, or why not: `foreign` (another \
         key), `unsigned`, `too_many`.",
    ),
    Metric::counter("weft_node_promises_kept_total", &[], "Promises whose block was derived and is the promised one."),
    Metric::gauge("weft_node_promises_waiting", &[], "Promises whose block is not derived yet."),
    Metric::gauge("weft_node_log_entries", &[], "Newest entry of the settlement log that was read."),
    Metric::counter("weft_node_batches_verified_total", &[], "Batches executed again and found valid."),
    Metric::counter("weft_node_batches_refused_total", &[], "Batches executed again and found not valid."),
    Metric::counter("weft_node_blocks_verified_total", &[], "Blocks of verified batches."),
    Metric::counter("weft_node_transactions_verified_total", &[], "Transactions of verified batches."),
    Metric::counter("weft_node_gas_verified_total", &[], "Gas of verified batches."),
    Metric::counter("weft_node_rollbacks_total", &[], "How often blocks were taken back."),
    Metric::counter(
        "weft_node_payload_failures_total",
        &[],
        "Payloads that could not be fetched from the DA layer; each is tried again.",
    ),
];

/// Metrics of the state tree, which both have.
pub const STATE_METRICS: &[Metric] = &[
    Metric::gauge(
        "weft_sequencer_state_leaves",
        &[],
        "Leaves of the state tree: one for each account and slot, or more.",
    ),
    Metric::gauge("weft_sequencer_state_subtrees", &[], "Subtrees of the state tree, in memory or not."),
    Metric::gauge("weft_sequencer_state_resident_subtrees", &[], "Subtrees of the state tree in memory."),
    Metric::gauge(
        "weft_sequencer_state_resident_bytes",
        &[],
        "What these take; above state_memory only by what the newest blocks have changed.",
    ),
    Metric::counter("weft_sequencer_state_evictions_total", &[], "Subtrees that were left out of memory."),
    Metric::counter(
        "weft_sequencer_state_loads_total",
        &[],
        "Subtrees read from the database, because blocks changed them, or for proofs and witnesses.",
    ),
    Metric::histogram("weft_sequencer_state_load_seconds", &[], "Reading one subtree's leaves from the database."),
    Metric::counter(
        "weft_sequencer_state_leaves_read_total",
        &[],
        "Single leaves read from the database, because their subtree was not in memory.",
    ),
];

/// Metrics of JSON-RPC, which both serve.
pub const RPC_METRICS: &[Metric] = &[
    Metric::counter("weft_rpc_requests_total", &["method"], "JSON-RPC calls; methods that do not exist are `other`."),
    Metric::counter("weft_rpc_errors_total", &["code", "method"], "JSON-RPC calls answered by an error, by its code."),
    Metric::histogram("weft_rpc_seconds", &["method"], "How long a JSON-RPC call took."),
    Metric::gauge(
        "weft_rpc_account_index_first_block",
        &[],
        "With index_accounts: the block from which on the index by account is complete; falls while older ones are added.",
    ),
    Metric::counter("weft_rpc_connections_refused_total", &[], "Connections refused because there were too many."),
    Metric::gauge("weft_rpc_subscriptions", &[], "Open subscriptions."),
    Metric::counter("weft_rpc_subscribers_cut_total", &[], "Subscriptions ended because their reader was too slow."),
    Metric::gauge("weft_rpc_filters", &[], "Installed filters."),
];

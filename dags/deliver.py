"""Sends the messages that Slack has not got yet.

**Decides** nothing. A message is sent when something happens, by the task that says it. What did
not get through then waits in the ledger: Slack was away, asked for fewer requests, or quiet hours
were on. This DAG sends it, in order and each message once.

**When** Every 5 minutes; it skips when nothing waits. While Slack is away it succeeds and tries
again later. It fails where a person must mend something: the token, a channel, the app's rights.
Then mend that; what waits comes by itself.

**Safe to run again** All of it, also twice at once: one run at a time has a model's messages.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable

from evergreen.orchestration.delivering import DeliverMessages

with DAG(
    dag_id="evergreen__deliver",
    description="Sends the messages that Slack has not got yet.",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    is_paused_upon_creation=False,  # nobody should have to think of it for messages to come
    max_active_runs=1,
    tags={"evergreen", "deliver"},
    default_args={"owner": "evergreen", "retries": 0, "execution_timeout": timedelta(minutes=4)},
):
    DeliverMessages(task_id="deliver_messages", doc_md="In order, each message once.")

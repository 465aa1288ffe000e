"""The evidence of a run, read from its directory: journal, plan, node logs. Reports are made from it.

Importing this package registers every kind of event of the framework. A journal that is read before has ``OtherEvent``
in the place of those that nobody has imported.
"""

import nomos_testing.cluster.network_events
import nomos_testing.expectations.expectation_events
import nomos_testing.faults.fault_events
import nomos_testing.runtime.machine_load
import nomos_testing.workloads.blobs.events
import nomos_testing.workloads.transactions.events  # noqa: F401

// SPDX-License-Identifier: BSD-3-Clause
// Memory as x86 has it: a processor's plain stores wait in its store buffer, in order, and become visible at any time;
// its loads go ahead of them. A fence, a locked instruction and a system call wait until the buffer is empty.

#ifndef DEPTH
#define DEPTH 1  // of a store buffer
#endif

#define AWAKE 0
#define ANNOUNCED 1
#define PARKED 2

#define WORKER 0  // whose store buffer
#define LOOP 1

#define STATE 0      // Doorbell::state_
#define INBOX 1      // packets in the worker's inboxes, ever; the slots of the ring
#define DELIVERED 2  // WorkerOrders::delivered
#define ASLEEP 3     // WorkerOrders::manager_asleep
#define OUTBOX 4     // packets in the outbox, ever
#define TAKEN 5      // WorkerReport::taken
#define DEADLINE 6   // WorkerReport::deadline_tsc: 0 never, OWN, SOON
#define LOOP_ASLEEP 7  // DataLoop::asleep_
#define CELLS 8

#define OWN 1   // the worker's own timer
#define SOON 2  // packets below the threshold: at any time

byte memory[CELLS];
chan buffer[2] = [DEPTH] of { byte, byte };

#define STORE(who, cell, value) buffer[who] ! cell, value
#define FENCE(who) empty(buffer[who])
#define IN_MEMORY(cell) memory[cell]

active [2] proctype StoreBuffer() {  // the first two processes, so that _pid says whose
  byte cell, value;
end:
  do
  :: atomic { buffer[_pid] ? cell, value -> memory[cell] = value; cell = 0; value = 0 }
  od
}

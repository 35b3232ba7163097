// SPDX-License-Identifier: BSD-3-Clause
// Sleep and wake, for spin: one worker with its host's control thread, the data loop, the wake thread, and time.
// README.md says which line of the code each part stands for, what is checked, and which faults can be planted.
#include "memory.pml"

#ifndef PACKETS
#define PACKETS 3  // that come, at any time
#endif
#ifndef THRESHOLD
#define THRESHOLD 2  // wake_packets
#endif
#ifndef TIMERS
#define TIMERS 0  // of its own, that the worker may set
#endif
// POLLS: the worker is on a core of its own, and polls. SEMAPHORE: it waits by a semaphore, not a futex.
// CALLER, REMOVER: the threads that want something of the worker are there, too.

// Words that are written by locked instructions, system calls or under a lock only.
bit ready;         // the ready bitmap
bit errand;        // Errand::waits_
bit message;       // something that a worker deals with only when it is up: Worker::is_called()
bit posted;        // DataLoop::has_posted_
bit bell;          // the loop's eventfds
bit own_timer, due;  // the worker's next timer is set; its time has come
byte blocked;      // the worker waits in the kernel
#ifdef SEMAPHORE
byte tokens;
#endif

// The loop's own, here for the assertions to look at.
bit believes_parked;
byte wheel;  // this worker's entry: 0 none, OWN, SOON
bit expired;
bit wanted;  // HostState::wanted

byte arrived, collected;  // packets
byte taken, given;        // the worker's own counts
byte timers = TIMERS;     // that the worker may still set
bit errand_done, message_done;

chan handed_over = [1] of { bit };  // bells, to the wake thread

inline unblock() {
#ifdef SEMAPHORE
  d_step { tokens < 3 -> tokens++ }
#else
  blocked = 0
#endif
}

// ---- time ----

active proctype Clock() {
end:
  do
  :: atomic { own_timer && !due -> due = 1 }
  :: atomic { wheel == SOON && !expired -> expired = 1 }
  :: atomic { wheel == OWN && due && !expired -> expired = 1 }
  od
}

// ---- the worker ----

// Worker::ring_manager()
inline ring_manager() {
  if
  :: IN_MEMORY(ASLEEP) -> bell = 1
  :: else
  fi
}

// Doorbell::block(): a nudge may have it look at something, and it sleeps on.
inline block() {
  do
  :: atomic { FENCE(WORKER) && IN_MEMORY(STATE) == AWAKE -> break }
  :: atomic { FENCE(WORKER) && IN_MEMORY(STATE) != AWAKE -> seen = IN_MEMORY(STATE) }
#ifdef SEMAPHORE
     seen = 0;
end_blocked:
     atomic { tokens > 0 -> tokens-- };
#else
     atomic {  // futex: blocks only if the word is still what was seen
       if
       :: IN_MEMORY(STATE) == seen -> blocked = 1
       :: else
       fi;
       seen = 0
     };
end_blocked:
     blocked == 0;
#endif
     if
     :: atomic { errand -> errand = 0; errand_done = 1 }
     :: else
     fi
  od
}

// What a dispatch leaves behind: packets in the outbox.
inline give(count) {
  assert(!believes_parked);  // the loop visits whoever can do this
  given = given + count;
  STORE(WORKER, OUTBOX, given);
  gave = 1
}

active proctype Worker() {
  byte seen;
  bit gave, idle, stay_up;
round:
  do
  :: idle = 1;
     if  // Worker::answer_calls()
     :: atomic { errand -> errand = 0; errand_done = 1; idle = 0 }
     :: else
     fi;
     if
     :: atomic { message -> message = 0; message_done = 1; idle = 0; assert(!believes_parked) }
     :: else
     fi;
     if  // Worker::ring_if_gave()
     :: gave -> gave = 0;
#ifndef NO_FENCE_AFTER_GIVING
        FENCE(WORKER);
#endif
        ring_manager()
     :: else
     fi;
     if  // ReadyBitmap::take(), take_burst(), dispatch
     :: ready -> idle = 0;
        atomic { FENCE(WORKER) -> ready = 0 };
        seen = IN_MEMORY(INBOX);
        if
        :: seen > taken -> give(seen - taken); atomic { taken = seen; seen = 0 };
           if
           :: atomic { timers > 0 && !own_timer -> timers--; own_timer = 1 }
           :: skip
           fi
        :: else -> seen = 0
        fi
     :: else
     fi;
     if  // a timer that is due may make a packet
     :: due -> atomic { due = 0; own_timer = 0; idle = 0 }; give(1)
     :: else
     fi;
     if
     :: idle && !gave -> break
     :: else
     fi
  od;

#ifdef POLLS
end_polling:
  ready || due || errand || message;  // WaitMode::spin: it never sleeps
  goto round;
#endif
  // Worker::idle(): deadline and count first, then the doorbell's announce, fence, recheck, block, retract.
  if
  :: IN_MEMORY(DELIVERED) != taken -> STORE(WORKER, DEADLINE, SOON)
  :: else -> STORE(WORKER, DEADLINE, (own_timer -> OWN : 0))
  fi;
  STORE(WORKER, TAKEN, taken);
  STORE(WORKER, STATE, ANNOUNCED);
#ifndef NO_FENCE
  FENCE(WORKER);
#endif
  stay_up = 0;
#ifndef NO_RECHECK
  stay_up = stay_up || errand;
  stay_up = stay_up || message;
  stay_up = stay_up || IN_MEMORY(DELIVERED) - taken >= THRESHOLD;
  stay_up = stay_up || due;
#ifndef NO_RING
  if
  :: !stay_up -> ring_manager()
  :: else
  fi;
#endif
#endif
  if
  :: !stay_up -> block()
  :: else
  fi;
  stay_up = 0;
  if  // a parked worker is the loop's to wake
  :: atomic { FENCE(WORKER) && IN_MEMORY(STATE) == ANNOUNCED -> memory[STATE] = AWAKE }
  :: atomic { FENCE(WORKER) && IN_MEMORY(STATE) != ANNOUNCED } -> block()
  fi;
  goto round
}

// ---- the data loop ----

// DataLoop::wake_host()
inline wake_host() {
  atomic {
    believes_parked = 0;
    since = 0;
    wheel = 0;
    expired = 0;
    wanted = 0
  };
  atomic { FENCE(LOOP) -> assert(IN_MEMORY(STATE) == PARKED); memory[STATE] = AWAKE };
  if
  :: handed_over ! 1
  :: unblock()
  fi
}

// DataLoop::consider(), with worth_waking() and wake_due()
inline consider() {
  waiting = arrived - IN_MEMORY(TAKEN);
  if
  :: waiting >= THRESHOLD -> wake_host()
  :: waiting > 0 && waiting < THRESHOLD ->
#ifndef NO_DEADLINE
     if
     :: !since || wheel == 0 -> atomic { since = 1; wheel = SOON; expired = 0 }
     :: else
     fi
#endif
  :: else
  fi;
  waiting = 0
}

active proctype Loop() {
  byte waiting, left;
  bit since;
  do
  ::
     // collect(): what came out, and the worker parked if it has announced and left nothing
     if
     :: !believes_parked ->
        if
        :: IN_MEMORY(OUTBOX) != collected -> collected = IN_MEMORY(OUTBOX)
        :: else ->
           if
           :: IN_MEMORY(STATE) == ANNOUNCED ->
              if
              :: atomic { FENCE(LOOP) && IN_MEMORY(STATE) == ANNOUNCED ->
                          memory[STATE] = PARKED; believes_parked = 1 };
                 atomic { wheel = IN_MEMORY(DEADLINE); expired = 0 };
#ifndef NO_CONSIDER
                 consider();
#endif
                 if
                 :: believes_parked && wanted -> wake_host()
                 :: else
                 fi;
                 collected = IN_MEMORY(OUTBOX)
              :: atomic { FENCE(LOOP) && IN_MEMORY(STATE) != ANNOUNCED }
              fi
           :: else
           fi
        fi
     :: else
     fi;
     // receive(), deliver(), mark_ready()
     if
     :: arrived < PACKETS ->
        arrived++;
        STORE(LOOP, INBOX, arrived);
        STORE(LOOP, DELIVERED, arrived);
#ifndef NO_FENCE_AFTER_DELIVERY
        FENCE(LOOP);
#endif
        if
        :: atomic { !ready && FENCE(LOOP) -> ready = 1 }
        :: ready
        fi;
        if
        :: believes_parked -> consider()
        :: else
        fi
     :: skip
     fi;
     // wake(): deadlines that have come
     if
     :: expired -> wake_host()
     :: else
     fi;
     // control(), want_up()
     if
     :: posted -> posted = 0;
        if
        :: believes_parked -> wake_host()
        :: else ->
#ifndef NO_WANTED
           wanted = 1
#else
           skip
#endif
        fi
     :: else
     fi;
     // sleep(); it ends by itself for packets that come and for deadlines, but not to look at the outbox (idle_poll_us)
     if
     :: skip
     :: skip;
        if
        :: !believes_parked -> STORE(LOOP, ASLEEP, 1)
        :: else
        fi;
#ifdef CALLER
        STORE(LOOP, LOOP_ASLEEP, 1);
#endif
#ifndef NO_LOOP_FENCE
        FENCE(LOOP);
#endif
        left = 0;
#ifndef NO_LOOP_RECHECK
        left = left || posted;
        left = left || (!believes_parked && IN_MEMORY(OUTBOX) != collected);
        left = left || (!believes_parked && IN_MEMORY(STATE) == ANNOUNCED);
#endif
        if
        :: left
        :: else ->
           FENCE(LOOP);
end_asleep:
           if
           :: atomic { bell -> bell = 0 }
           :: arrived < PACKETS
           :: expired
           fi
        fi;
        left = 0;
        if
        :: !believes_parked -> STORE(LOOP, ASLEEP, 0)
        :: else
        fi
#ifdef CALLER
        ;
        STORE(LOOP, LOOP_ASLEEP, 0)
#endif
     fi
  od
}

active proctype WakeThread() {
end:
  do
  :: handed_over ? 1 -> unblock()
  od
}

// ---- others who want something of the worker ----

#ifdef REMOVER
// Worker::remove_nfs(): has something done, be the worker up or asleep; again and again until it is (Errand).
active proctype Remover() {
  errand = 1;
  do
  :: errand_done -> break
#ifdef SEMAPHORE
  :: !errand_done && tokens == 0 -> unblock()
#else
  :: !errand_done && blocked -> unblock()
#endif
  od
}
#endif

#ifdef CALLER
// Something for a worker that is up, and then DataLoop::post() of want_up() to have it so.
active proctype Caller() {
  message = 1;
  posted = 1;
  if
  :: IN_MEMORY(LOOP_ASLEEP) -> bell = 1
  :: else
  fi
}
#endif

// ---- what must hold ----

// When nobody can do anything any more, nothing is left undone, and who can sleep does. A wakeup that is lost, a packet
// that is stranded, or a worker that is up and not visited shows here, since nothing but rings and deadlines moves it on.
active proctype Quiet() {
  timeout;
  assert(arrived == PACKETS && taken == PACKETS);
  assert(collected == given && given == IN_MEMORY(OUTBOX));
  assert(errand == 0 && message == 0 && !own_timer);
#ifdef POLLS
  assert(IN_MEMORY(STATE) == AWAKE && !believes_parked)
#else
  assert(IN_MEMORY(STATE) == PARKED && believes_parked)
#endif
}

ltl no_packet_waits { [] (memory[DELIVERED] > taken -> <> (memory[DELIVERED] == taken)) }
ltl timers_fire { [] (due -> <> !due) }

/*
 * Version-hint tables under the lock: writers of serac, and one of Java that renames plainly. ../commit-protocol.md and
 * src/catalog/{lock,filesystem-commit}.ts have it in words, README.md says what is left out here. check.sh runs it, as it is
 * and with each planted bug (BUG_...).
 *
 *   serac   load N -> lock of N + 1 -> N + 1 is not there -> isHeld (writes a new version of the lock) -> create N + 1 -> release
 *   Java    load N -> lock of N + 1 -> N + 1 is not there -> rename to N + 1, over whatever there is -> release
 *
 * Time is in two rules only. Who takes a lock over has seen its version stand still for a lease. And, what README.md calls
 * the promise: a create arrives within a lease of isHeld or never, Java renames within a lease of its last heartbeat.
 * FROZEN takes the promise away, and Java with it: then the conditional create alone must do.
 */

#define WRITERS 3
#define JAVA 3
#define VERSIONS 3
#define ATTEMPTS 2
#define SENDS 1 /* again */

#define HAS(set, w) (((set) >> (w)) & 1)
#define ONE(w) (1 << (w))

/* ---- the store: who made each version's file, and whose changes are in it */
byte maker[VERSIONS + 2];
byte history[VERSIONS + 2];

/* ---- the lock of each version: an item or none */
byte owner[VERSIONS + 2];
byte watched[WRITERS + 1];  /* which lock a writer waits for */
bool stands[WRITERS + 1];   /* nobody has written it since: its version is the same */
bool shielded[WRITERS + 1]; /* its owner was promised a lease when it was looked at */

/* ---- requests to create: on their way, nobody waits */
byte adrift[WRITERS + 1]; /* the version to be made; 0: none */
bool promised[WRITERS + 1]; /* a lease has not passed since isHeld or a heartbeat */

/* ---- what really happened */
byte landed;  /* writers whose version was made */
byte refused; /* writers that were told: certainly not */

#if defined(FROZEN) || defined(BUG_NOT_ASKED_IF_HELD) || defined(LIMIT_SERAC_FROZEN)
#define IN_TIME(w) true
#else
#define IN_TIME(w) promised[w]
#endif
#ifdef LIMIT_JAVA_FROZEN
#define KEEPS_PROMISE(w) false
#else
#define KEEPS_PROMISE(w) ((w) == JAVA) /* from when it has the lock: its heartbeats begin then */
#endif

#ifdef BUG_TAKEN_OVER_AT_ONCE
#define IS_LEASE_OVER(v, w) true
#else
#define IS_LEASE_OVER(v, w) (!stands[w] || !shielded[w] || !promised[owner[v]])
#endif

#define WRITTEN(v, x) stands[x] = (watched[x] == v -> false : stands[x])
inline write(v, w) {
  owner[v] = w;
  WRITTEN(v, 1);
  WRITTEN(v, 2);
  WRITTEN(v, 3)
}

inline lookAway(w) {
  watched[w] = 0;
  stands[w] = false;
  shielded[w] = false
}

inline load() {
  atomic {
    base = 0;
    do
    :: base < VERSIONS && maker[base + 1] != 0 -> base++
    :: else -> break
    od
  }
}

/* Takes the lock of version v if it is free, or has stood still; a writer waits for it as long as it likes. */
inline acquire(v, w) {
  do
  :: atomic { owner[v] == 0 -> write(v, w); promised[w] = KEEPS_PROMISE(w); break }
  :: atomic { owner[v] == w -> break } /* from before, when an answer was lost */
  :: atomic {
      owner[v] != 0 && owner[v] != w -> watched[w] = v; stands[w] = true; shielded[w] = promised[owner[v]]
    }
    /* A lease later, which a promise that was given before does not outlast. */
    atomic {
      IS_LEASE_OVER(v, w) ->
      if
#ifdef BUG_TAKEN_OVER_BLINDLY
      :: true -> write(v, w); promised[w] = KEEPS_PROMISE(w); lookAway(w); break
#else
      :: owner[v] == 0 || stands[w] -> write(v, w); promised[w] = KEEPS_PROMISE(w); lookAway(w); break
      :: else -> lookAway(w)
#endif
      fi
    }
  :: atomic { true -> goto notMine } /* enough waited */
  od
}

inline release(v, w) {
  atomic {
    if
#ifdef BUG_RELEASED_BY_OTHERS
    :: owner[v] != 0 -> write(v, 0)
#else
    :: owner[v] == w -> write(v, 0)
#endif
    :: else
    fi;
    promised[w] = false
  }
}

inline arrive(v, w, isMade) {
  if
#ifdef BUG_PLAIN_CREATE
  :: true ->
#else
  :: maker[v] == 0 ->
#endif
    assert(maker[v] == 0);    /* nobody's version is written over */
    assert(!HAS(landed, w));  /* no change lands twice */
    assert(!HAS(refused, w)); /* nor after it was called refused */
    maker[v] = w;
    history[v] = history[v - 1] | ONE(w);
    landed = landed | ONE(w);
    isMade = true
  :: else -> isMade = false
  fi
}

proctype Serac(byte w) {
  byte base, attempt, sends;
  bool isMade, doubt;

again:
  if
  :: attempt == ATTEMPTS -> goto giveUp
  :: else -> attempt++
  fi;
  load();
  if
  :: base == VERSIONS -> goto giveUp
  :: HAS(history[base], w) -> goto acknowledge
  :: else
  fi;

make:
#ifndef FROZEN
  acquire(base + 1, w);
  do
#ifdef BUG_HEARTBEAT_TAKES_BACK
  :: atomic { true -> write(base + 1, w) }
#else
  :: atomic { owner[base + 1] == w -> write(base + 1, w) } /* a heartbeat */
#endif
  :: true -> break
  od;
  if
  :: maker[base + 1] != 0 -> goto letGo
  :: else
  fi;
#ifndef BUG_NOT_ASKED_IF_HELD
  atomic {
    if
    :: owner[base + 1] == w ->
#ifndef BUG_HELD_BY_READING
      write(base + 1, w);
#endif
      promised[w] = true
    :: else -> goto letGo
    fi
  }
#endif
#endif
  if
  :: atomic { IN_TIME(w) -> arrive(base + 1, w, isMade) };
    if
    :: isMade -> release(base + 1, w); goto acknowledge
    :: else -> goto letGo
    fi
  :: atomic { IN_TIME(w) -> arrive(base + 1, w, isMade); isMade = false; doubt = true } /* the answer is lost */
  :: atomic { IN_TIME(w) && adrift[w] == 0 -> adrift[w] = base + 1; doubt = true }
  :: !IN_TIME(w) -> goto letGo
  fi;
#ifdef BUG_RELEASED_IN_DOUBT
  release(base + 1, w);
#endif

look: /* whose is the version? */
  atomic {
    if
#ifdef BUG_REFUSAL_BELIEVED
    :: maker[base + 1] != 0 -> goto again
#else
    :: maker[base + 1] == w -> goto acknowledge
    :: maker[base + 1] != 0 && maker[base + 1] != w -> goto again
#endif
    :: maker[base + 1] == 0 && sends < SENDS -> sends++; goto make
    :: maker[base + 1] == 0 -> goto inDoubt
    fi
  }

letGo:
  release(base + 1, w);
notMine:
  if
  :: doubt -> goto look
  :: else -> goto again
  fi;

acknowledge:
  atomic {
    assert(HAS(landed, w)); /* what is acknowledged has landed */
    goto over
  }
giveUp:
  atomic {
    assert(!HAS(landed, w)); /* what is called refused has not */
    refused = refused | ONE(w)
  }
inDoubt: /* commit-state-unknown; the lock lapses */
over:
  atomic { base = 0; attempt = 0; sends = 0; isMade = false; doubt = false }
}

proctype Java() {
  byte base;
  load();
  if
  :: base == VERSIONS -> goto notMine
  :: else
  fi;
  acquire(base + 1, JAVA);
  if
  :: maker[base + 1] != 0
  :: maker[base + 1] == 0 ->
    atomic {
      assert(maker[base + 1] == 0); /* nobody's version is written over */
      maker[base + 1] = JAVA;
      history[base + 1] = history[base] | ONE(JAVA);
      landed = landed | ONE(JAVA)
    }
  fi;
  release(base + 1, JAVA);
notMine:
  base = 0
}

/* Late requests, and time. */
proctype Network() {
  byte w;
  bool isMade;
end:
  do
  :: atomic { adrift[1] != 0 -> w = 1; arrive(adrift[w], w, isMade); adrift[w] = 0; w = 0; isMade = false }
  :: atomic { adrift[2] != 0 -> w = 2; arrive(adrift[w], w, isMade); adrift[w] = 0; w = 0; isMade = false }
#ifndef FROZEN
  /* A lease after isHeld: what has not arrived never does. */
  :: atomic { promised[1] -> promised[1] = false; adrift[1] = 0 }
  :: atomic { promised[2] -> promised[2] = false; adrift[2] = 0 }
#endif
  od
}

init {
  atomic {
    run Network();
    run Serac(1);
    run Serac(2);
#ifndef FROZEN
    run Java()
#endif
  }
}

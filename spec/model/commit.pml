/*
 * The commit protocol of catalogs that swap pointers themselves: swaps of one table or two, lost answers, expiry, and
 * orphan removal beside writers that may stand still wherever they like for as long as they like. ../commit-protocol.md
 * has it in words, README.md says what is left out here. check.sh runs it, as it is and with each planted bug (BUG_...).
 *
 *   writer    files -> [lease] -> load -> metadata -> swap -> done | lost | lapsed | no answer: the same swap again, look
 *   expiry    load -> swap -> done: delete what the expired snapshot alone held
 *   cleaner   choose an age -> fence, a commit -> end the lapsed lease -> load -> delete
 *
 * A process that dies is one that stands still for ever, so no step says so. Sets are bit masks of writers, tables or
 * swaps. What must never happen is an assertion at the step that would do it.
 */

#define WRITERS 2
#define ATTEMPTS 2
#ifndef SENDS
#define SENDS 2 /* of the same swap */
#endif

/* Who changes which tables, who relies on which that it does not change, and whose token its step carries. */
#ifdef PAIR /* both change table 0, the first also table 1, on which the second relies */
#define CHANGES(w) ((w) == 0 -> 3 : 1)
#define RELIES(w) ((w) == 0 -> 0 : 2)
#define TOKEN(w) 0
#endif
#ifdef SKEW /* each relies on what the other changes */
#define CHANGES(w) (1 << (w))
#define RELIES(w) (2 >> (w))
#define TOKEN(w) 0
#endif
#ifdef REPEAT /* both do the same step of a feed */
#define CHANGES(w) 1
#define RELIES(w) 0
#define TOKEN(w) 1
#endif

#define HAS(set, one) (((set) >> (one)) & 1)
#define ONE(w) (1 << (w))

/* A swap is named by a number; a pointer is the name of the swap that set it. Swap 0 made the tables. */
#define NAME(w, attempt) (1 + (w) * ATTEMPTS + (attempt))
#define EXPIRY (1 + WRITERS * ATTEMPTS)
#define FENCE (EXPIRY + 1)
#define SWAPS (EXPIRY + 1) /* that are sent as requests */

/* ---- the catalog, by table */
byte pointer[2];
byte before[2];        /* the metadata log: the pointer before this one, and no more */
byte history[2];       /* of which writers it has the snapshot, and so names the files */
byte tokens[2];        /* properties that tell which steps were taken; expiry leaves them alone */
byte fenced[2];        /* whose files are behind the fence: a property too */
byte lease[2];         /* beside the table: whose write lease stands */

/* ---- the store, by table */
byte dataFiles[2];     /* of writers */
byte metadataFiles[2] = 1; /* of swaps */

/* ---- requests */
typedef Swap {
  byte from[2]; /* pointers that it compares */
  byte to[2];   /* histories that it makes */
  byte leases   /* tables for which it shows a lease */
}
Swap swaps[SWAPS];
mtype = { idle, sent, silent, done, lost, lapsed };
mtype wire[WRITERS] = idle; /* the request that its sender waits for: on its way, done without an answer, answered */
byte current[WRITERS];      /* the swap that it last asked for */
#ifdef TWICE
bool twice[WRITERS];
#endif
byte adrift[SWAPS];         /* copies that nobody waits for: they arrive some time, or never */

/* ---- what really happened */
byte landed;       /* writers whose swap was done */
byte landedTokens; /* steps that were taken */
byte landedIn[2];  /* the same by table, to see a swap that is half done */
byte refused;      /* writers that were told: certainly not done */

/* ---------------------------------------------------------------- the swap, as the catalog decides it */

#define MOVED(tables, s) \
  ((HAS(tables, 0) && pointer[0] != swaps[s].from[0]) || (HAS(tables, 1) && pointer[1] != swaps[s].from[1]))
#define IS_OWN(w, s) ((HAS(CHANGES(w), 0) && pointer[0] == s) || (HAS(CHANGES(w), 1) && pointer[1] == s))

#ifdef BUG_NO_COMPARE
#define IS_LOST(w, s) false
#else
#ifdef BUG_NO_READ_CHECK
#define IS_LOST(w, s) MOVED(CHANGES(w), s)
#else
#define IS_LOST(w, s) (MOVED(CHANGES(w), s) || MOVED(RELIES(w), s))
#endif
#endif

#ifdef BUG_NO_LEASE_CHECK
#define LEASE_GONE(w, t) false
#else
#define LEASE_GONE(w, t) (!HAS(lease[t], w))
#endif
#define LAPSED_IN(w, s, t) (HAS(swaps[s].leases, t) && LEASE_GONE(w, t))
#define IS_LAPSED(w, s) (LAPSED_IN(w, s, 0) || LAPSED_IN(w, s, 1))

inline setPointer(s, t) {
  assert((history[t] & ~swaps[s].to[t] & ~expiring) == 0); /* no snapshot of somebody else is lost */
  assert((swaps[s].to[t] & ~dataFiles[t]) == 0);           /* no file of the new state is missing */
  assert(HAS(metadataFiles[t], s));                        /* the metadata file neither */
  before[t] = pointer[t];
  pointer[t] = s;
  history[t] = swaps[s].to[t]
}

inline setSecond(w, s) {
  if
  :: HAS(CHANGES(w), 1) -> setPointer(s, 1); tokens[1] = tokens[1] | TOKEN(w); landedIn[1] = landedIn[1] | ONE(w)
  :: else
  fi
}

/* Swap s of writer w is done if it may. */
inline arrive(w, s, verdict) {
  if
#ifndef BUG_RESEND_BELIEVED
  :: IS_OWN(w, s) -> verdict = done
  :: !IS_OWN(w, s) &&
#else
  ::
#endif
#ifdef BUG_LAPSED_BEFORE_LOST
     IS_LAPSED(w, s) -> verdict = lapsed
#else
     IS_LOST(w, s) -> verdict = lost
#endif
  :: else ->
    if
#ifdef BUG_LAPSED_BEFORE_LOST
    :: IS_LOST(w, s) -> verdict = lost
#else
    :: IS_LAPSED(w, s) -> verdict = lapsed
#endif
    :: else ->
      assert(!HAS(landed, w));                /* not twice */
      assert((landedTokens & TOKEN(w)) == 0); /* nor the same step by two */
      assert(!HAS(refused, w));               /* nor after it was called refused */
      assert(!MOVED(RELIES(w), s));           /* and what it relies on is true */
      verdict = done;
      landed = landed | ONE(w);
      landedTokens = landedTokens | TOKEN(w);
      if
      :: HAS(CHANGES(w), 0) -> setPointer(s, 0); tokens[0] = tokens[0] | TOKEN(w); landedIn[0] = landedIn[0] | ONE(w)
      :: else
      fi;
#ifdef BUG_TABLE_BY_TABLE
      halfDone = (CHANGES(w) == 3 -> s : 0)
#else
      setSecond(w, s)
#endif
    fi
  fi
}

/* ---------------------------------------------------------------- the network and the catalog behind it */

proctype Network(byte w) {
  byte expiring = 0; /* what expiry may drop from a history: here nothing */
  mtype verdict = idle;
#ifdef BUG_TABLE_BY_TABLE
  byte halfDone = 0;
#endif
end:
  do
  :: atomic {
      wire[w] == sent -> arrive(w, current[w], verdict);
      if
      :: wire[w] = verdict
      :: wire[w] = silent
      fi;
      verdict = idle
    }
#ifdef TWICE /* delivered a second time later, which is the one that is answered */
  :: atomic { wire[w] == sent && !twice[w] -> twice[w] = true; arrive(w, current[w], verdict); verdict = idle }
#endif
  :: atomic { adrift[NAME(w, 0)] > 0 -> adrift[NAME(w, 0)]--; arrive(w, NAME(w, 0), verdict); verdict = idle }
  :: atomic { adrift[NAME(w, 1)] > 0 -> adrift[NAME(w, 1)]--; arrive(w, NAME(w, 1), verdict); verdict = idle }
#ifdef BUG_TABLE_BY_TABLE
  :: atomic { halfDone != 0 -> setSecond(w, halfDone); halfDone = 0 }
#endif
  od
}
/* Anybody who looks at both tables at once sees all of a swap or nothing. */
proctype Reader() {
end:
  atomic { ((landedIn[0] ^ landedIn[1]) & (CHANGES(0) == 3)) != 0 -> assert(false) /* a swap is half done */ }
}

/* ---------------------------------------------------------------- writers */

/* Right behind it the table is looked at: either the fence is seen, or the cleaner sees the lease. */
inline openLease(w, t) {
  if
  :: HAS(CHANGES(w), t) ->
#ifdef BUG_FENCE_SOUGHT_FIRST
    if
    :: HAS(fenced[t], w) -> goto giveUp
    :: else
    fi;
#endif
    atomic { lease[t] = lease[t] | ONE(w); leases = leases | ONE(t) }
#if !defined(BUG_FENCE_SOUGHT_FIRST) && !defined(BUG_FENCE_NOT_SOUGHT)
    if
    :: HAS(fenced[t], w) -> goto giveUp
    :: else
    fi
#endif
  :: else
  fi
}

inline load(t) {
  atomic {
    from[t] = pointer[t];
    seen[t] = history[t];
    if
    :: HAS(CHANGES(w), t) ->
      taken = taken | (tokens[t] & TOKEN(w));
      behind = behind | (!HAS(leases, t) && HAS(fenced[t], w))
    :: else
    fi
  }
}

inline removeFiles(t) {
  atomic {
    if
    :: HAS(CHANGES(w), t) ->
      assert(!HAS(history[t], w)); /* a file that the table names is not removed */
      dataFiles[t] = dataFiles[t] & ~ONE(w)
    :: else
    fi
  }
}

inline removeMetadata(t) {
  atomic {
    assert(!HAS(CHANGES(w), t) || pointer[t] != s); /* nor the metadata file that is current */
    metadataFiles[t] = metadataFiles[t] & ~ONE(s)
  }
}

/* A network that delivers twice may call lost what landed. */
inline find(t) {
  atomic {
    if
#ifndef BUG_LOST_BELIEVED
    :: HAS(CHANGES(w), t) && (pointer[t] == s || before[t] == s) -> goto acknowledge
#endif
    :: else
    fi
  }
}

inline look(t) {
  atomic {
    if
    :: !HAS(CHANGES(w), t)
    :: HAS(CHANGES(w), t) && (pointer[t] == s || before[t] == s || HAS(history[t], w)) -> goto acknowledge
#ifdef BUG_NOT_SEEN_IS_REFUSED
    :: else -> goto nextAttempt
#else
    :: HAS(CHANGES(w), t) && pointer[t] != s && before[t] == from[t] && pointer[t] != from[t] && !HAS(history[t], w) -> goto nextAttempt
    :: else
#endif
    fi
  }
}

proctype Writer(byte w) {
  byte s, attempt, sends, leases, taken;
  byte from[2], seen[2];
  bool doubt, behind;

  atomic {
    dataFiles[0] = dataFiles[0] | (HAS(CHANGES(w), 0) << w);
    dataFiles[1] = dataFiles[1] | (HAS(CHANGES(w), 1) << w)
  }

nextAttempt:
  if
  :: attempt == ATTEMPTS -> goto giveUp
  :: else
  fi;
  if
#if defined(CLEAN) || defined(CLEAN_BOTH)
  :: leases == 0 -> openLease(w, 0); openLease(w, 1) /* it takes long */
#endif
  :: true
  fi;
  load(0);
  load(1);
  if
#ifndef BUG_TOKEN_IGNORED
  :: taken -> goto stepTaken
#endif
#ifndef BUG_FENCE_IGNORED
  :: !taken && behind -> goto giveUp
#endif
  :: else
  fi;
  atomic {
    s = NAME(w, attempt);
    attempt++;
    sends = 0;
    current[w] = s;
    swaps[s].from[0] = from[0];
    swaps[s].from[1] = from[1];
    swaps[s].to[0] = seen[0] | (HAS(CHANGES(w), 0) << w);
    swaps[s].to[1] = seen[1] | (HAS(CHANGES(w), 1) << w);
    swaps[s].leases = leases;
    metadataFiles[0] = metadataFiles[0] | (HAS(CHANGES(w), 0) << s);
    metadataFiles[1] = metadataFiles[1] | (HAS(CHANGES(w), 1) << s);
    seen[0] = 0; seen[1] = 0
  }

send:
#ifdef BUG_LEASE_REVIVED
  lease[0] = lease[0] | (HAS(leases, 0) << w);
#endif
  atomic { wire[w] = sent; sends++ }
  if
  :: atomic { wire[w] == done -> wire[w] = idle; goto acknowledge }
  :: atomic { wire[w] == lost -> wire[w] = idle };
    if
    :: sends == 1 -> find(0); find(1); removeMetadata(0); removeMetadata(1); goto nextAttempt
#ifdef BUG_RESEND_BELIEVED
    :: sends > 1 -> goto nextAttempt
#else
    :: sends > 1 -> look(0); look(1); goto inDoubt
#endif
    fi
  :: atomic { wire[w] == lapsed -> wire[w] = idle; goto giveUp }
  :: atomic { wire[w] == sent -> wire[w] = idle; adrift[s]++; doubt = true; goto noAnswer }
  :: atomic { wire[w] == silent -> wire[w] = idle; doubt = true; goto noAnswer }
  fi;

noAnswer:
#ifdef BUG_NEW_SWAP_AFTER_SILENCE
  goto nextAttempt;
#endif
  if
  :: sends < SENDS -> goto send
  :: else -> goto inDoubt
  fi;

acknowledge:
  assert(HAS(landed, w)); /* what is acknowledged has landed */
  goto release;

stepTaken:
  assert((landedTokens & TOKEN(w)) != 0); /* so has a step that somebody else took */
  if
  :: !doubt -> removeFiles(0); removeFiles(1)
  :: else
  fi;
  goto release;

giveUp:
  atomic { assert(!HAS(landed, w)); refused = refused | ONE(w) } /* what is called refused has not landed */
  if
  :: !doubt -> removeFiles(0); removeFiles(1)
  :: else
  fi;

release:
  atomic { lease[0] = lease[0] & ~ONE(w); lease[1] = lease[1] & ~ONE(w) }
  goto over;

inDoubt: /* commit-state-unknown: nothing is deleted, and the lease lapses in time */
#ifdef BUG_FILES_REMOVED_IN_DOUBT
  removeFiles(0); removeFiles(1);
#endif
  skip;
over:
  skip
}

/* ---------------------------------------------------------------- expiry, of table 0 */

inline expire() {
  atomic {
    if
    :: pointer[0] == swaps[EXPIRY].from[0] -> setPointer(EXPIRY, 0)
    :: else -> goto over
    fi
  }
}

proctype Expiry() {
  byte victim, expiring;
  bool known;
end:
  atomic {
    if
    :: HAS(history[0], 0) -> victim = 0
    :: HAS(history[0], 1) -> victim = 1
    fi;
    expiring = ONE(victim);
    swaps[EXPIRY].from[0] = pointer[0];
    swaps[EXPIRY].to[0] = history[0] & ~expiring;
    metadataFiles[0] = metadataFiles[0] | ONE(EXPIRY)
  }
  if
  :: true -> expire(); known = true
  :: true -> expire() /* and the answer is lost */
  :: true -> goto late
  fi;
remove:
  atomic {
    /* Loaded again: what nothing names now is named by nothing later, for a swap from before does not land any more. */
    if
#ifdef BUG_EXPIRY_NOT_CONFIRMED
    :: true ->
#else
    :: known && pointer[0] != swaps[EXPIRY].from[0] && !HAS(history[0], victim) ->
#endif
      goto delete
    :: else -> goto over
    fi
  }
delete:
  atomic {
    assert(!HAS(history[0], victim)); /* a file that the table names is not removed */
    dataFiles[0] = dataFiles[0] & ~expiring
  }
  goto over;
late:
#ifdef BUG_EXPIRY_NOT_CONFIRMED
  goto remove;
#endif
  expire();
over:
  atomic { victim = 0; expiring = 0; known = false }
}

/* ---------------------------------------------------------------- the cleaner, of table t: one file stands for all */

inline loadNames() {
  atomic {
    isNamed = (isMetadata -> pointer[t] == file || before[t] == file : HAS(history[t], file))
  }
}

proctype Cleaner(byte t) {
  byte file;
  bool isMetadata, isNamed;

  /* An age is chosen that the file has, of whatever kind it is. */
end:
  atomic {
    if
    :: HAS(dataFiles[t], 0) -> file = 0
    :: HAS(dataFiles[t], 1) -> file = 1
    :: HAS(metadataFiles[t], NAME(0, 0)) -> file = NAME(0, 0); isMetadata = true
    :: HAS(metadataFiles[t], NAME(1, 0)) -> file = NAME(1, 0); isMetadata = true
    :: HAS(metadataFiles[t], NAME(1, 1)) -> file = NAME(1, 1); isMetadata = true
    fi
  }
#ifdef BUG_LOADED_FIRST
  loadNames();
#endif
  /* The fence. What was prepared before it is lost now; what is prepared behind it sees it. */
#ifndef BUG_NO_FENCE
  atomic {
    before[t] = pointer[t];
    pointer[t] = FENCE;
    fenced[t] = fenced[t] | (!isMetadata -> ONE(file) : 0)
  }
#endif
  /* The lease of the file's operation stands, or it lapsed and is ended, or there is none. */
  atomic {
    if
    :: !isMetadata && HAS(lease[t], file) -> goto over
    :: !isMetadata && HAS(lease[t], file) ->
#ifndef BUG_LAPSED_LEASE_LEFT
      lease[t] = lease[t] & ~ONE(file)
#endif
    :: isMetadata || !HAS(lease[t], file)
    fi
  }
#ifndef BUG_LOADED_FIRST
  loadNames();
#endif
  atomic {
    if
    :: !isNamed && isMetadata ->
      assert(pointer[t] != file); /* the metadata file that is current is not removed */
      metadataFiles[t] = metadataFiles[t] & ~ONE(file)
    :: !isNamed && !isMetadata ->
      assert(!HAS(history[t], file)); /* a file that the table names is not removed */
      dataFiles[t] = dataFiles[t] & ~ONE(file)
    :: else
    fi
  }
over:
  atomic { file = 0; isMetadata = false; isNamed = false }
}

init {
  atomic {
    run Network(0);
    run Network(1);
    run Writer(0);
    run Writer(1);
    run Reader();
#ifdef EXPIRE
    run Expiry();
#endif
#ifdef CLEAN
    run Cleaner(0);
#endif
#ifdef CLEAN_BOTH
    run Cleaner(1)
#endif
  }
}

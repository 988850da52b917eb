/* Commit, dedup and removal of segments, as engine/vault does it, for SPIN.
 *
 * Three segments, two writers that may build on any of them, one reaper, all of which may be killed
 * and begin again. A generation is the set of segments it needs. One segment is left over from a
 * backup that was never finished: no generation needs it, a writer may still come to build on it,
 * and the removal takes it along, whatever its age. What is checked, in every interleaving:
 *   - no committed generation that was not removed ever lacks a segment;
 *   - a lock never becomes shorter;
 *   - an interrupted removal does not stop anything.
 *
 * With -DBROKEN_CHECK a writer does not look at the intents before it commits; with -DBROKEN_ORDER
 * files are removed before the intent is noted; with -DBROKEN_HOLD the reaper looks at the log
 * without holding it; with -DBROKEN_LEASE a lock follows what a client says. Each must be found. */

#define SEGS 3
#define GENS 4 /* generation 0 is the old one that people allowed to be removed */
#define BIT(s) (1 << (s))

byte file = 7;       /* seg/: bit per segment */
byte need[GENS];     /* the log: what each generation needs */
bool there[GENS];    /* it is committed */
bool removed[GENS];  /* an intent names it */
byte intent = 0;     /* segments that intents name: the keep ledger */
bool open_intent = false;
byte gens = 1;
bool held = false;   /* the vault's log is held (ledger_hold) */
byte until[GENS];    /* locks, compliance clock */
byte clock = 0;

inline hold() { atomic { !held -> held = true } }
inline release() { held = false }

/* What must always be so. */
#define LACKS(g) (there[g] && !removed[g] && ((need[g] & file) != need[g]))
active proctype watch()
{
end:
	do
	:: atomic { (LACKS(0) || LACKS(1) || LACKS(2) || LACKS(3)) ->
		assert(!LACKS(0)); assert(!LACKS(1)); assert(!LACKS(2)); assert(!LACKS(3)) }
	od
}

proctype writer()
{
	byte want, can;
	byte tries = 0;

again:
	/* dedup: it builds on what it sees, and knows of the intents it sees */
	atomic {
		can = file & ~intent;
		want = 0;
		if :: (can & 1) -> want = want | 1 :: true -> skip fi;
		if :: (can & 2) -> want = want | 2 :: true -> skip fi;
		if :: (can & 4) -> want = want | 4 :: true -> skip fi
	}
	/* time passes while it reads and stores; it may be killed: then nothing was committed */
	if
	:: goto done
	:: skip
	fi;
	hold();
#ifndef BROKEN_CHECK
	if
	:: (want & intent) -> release(); tries++;
		if :: tries < 2 -> goto again :: else -> goto done fi
	:: else -> skip
	fi;
#endif
	atomic {
		if
		:: gens < GENS -> need[gens] = want; there[gens] = true; until[gens] = clock + 1;
			gens++
		:: else -> skip
		fi
	};
	release();
done:
	skip
}

/* what nothing needs but removed generations, or those that go now (0), if anything ever did */
inline only_old(out)
{
	d_step {
		out = 7;
		if :: there[1] && !removed[1] -> out = out & ~need[1] :: else -> skip fi;
		if :: there[2] && !removed[2] -> out = out & ~need[2] :: else -> skip fi;
		if :: there[3] && !removed[3] -> out = out & ~need[3] :: else -> skip fi
	}
}

inline unlink_all(set)
{
	/* one by one; killed in between it begins again */
	if :: (set & 1) -> file = file & ~1 :: else -> skip fi;
	if :: true -> goto begin :: skip fi;
	if :: (set & 2) -> file = file & ~2 :: else -> skip fi;
	if :: true -> goto begin :: skip fi;
	if :: (set & 4) -> file = file & ~4 :: else -> skip fi
}

proctype reaper()
{
	byte go, kills = 0;

begin:
	kills++;
	if :: kills > 3 -> goto stop :: else -> skip fi;
	if
	:: open_intent -> unlink_all(intent); open_intent = false; goto stop
	:: else -> skip
	fi;
	if :: removed[0] -> goto stop :: else -> skip fi;
endwait:
	(clock >= until[0]); /* it is not locked any more */
#ifdef BROKEN_HOLD
	only_old(go);
	hold();
#else
	hold();
	only_old(go);
#endif
#ifdef BROKEN_ORDER
	file = file & ~go;
	release();
	if :: true -> goto stop :: skip fi;
	hold();
#endif
	atomic { intent = intent | go; removed[0] = true; open_intent = true };
	release();
	unlink_all(go);
	open_intent = false;
stop:
	skip
}

/* Time, and what clients wish for. */
proctype world()
{
	byte was;

	do
	:: clock < 2 -> clock++
	:: atomic {
		gens > 1 -> was = until[1];
#ifdef BROKEN_LEASE
		until[1] = 0;
#else
		/* a wish: the longer one counts */
		if :: until[1] < clock + 1 -> until[1] = clock + 1 :: else -> skip fi;
#endif
		assert(until[1] >= was) }
	:: break
	od
}

init
{
	atomic {
		need[0] = 3; there[0] = true; until[0] = 1;
		run writer(); run writer(); run reaper(); run world()
	}
}

/* The head file repeats the newest signed record in one of two slots, so that a log whose end was
 * cut off is noticed. It is written after the log is durable and is not synced each time, hence
 * after a power cut a slot may be old or half written; both are told apart from damage by
 * rebuilding, from the log, the bytes that must have been there. */
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger_int.h"

enum { RING = LEDGER_HEAD_STALE / 2 + 1 };

struct ledger_slot_ring { /* per slot, the bytes of the records that it held lately */
	uint8_t slot[LEDGER_FMT_SLOTS][RING][LEDGER_FMT_SLOT];
};

static void
expect(const struct ledger *l, const struct ledger_fmt_rec *rec, uint64_t end,
    uint8_t out[LEDGER_FMT_SLOT])
{
	struct ledger_fmt_slot s = {.seq = rec->seq, .at = rec->at, .end = end};

	(void)memcpy(s.id, l->id, sizeof(s.id));
	(void)memcpy(s.hash, rec->hash, sizeof(s.hash));
	(void)memcpy(s.sig, rec->sig, sizeof(s.sig));
	(void)memcpy(s.key_id, rec->key_id, sizeof(s.key_id));
	ledger_fmt_slot_put(out, &s);
}

static bool
interrupted(const struct ledger_seen *seen, int i, uint64_t seq, const uint8_t *newer)
{
	static const uint8_t never[LEDGER_FMT_SLOT];
	const uint8_t *raw = seen->raw + i * LEDGER_FMT_SLOT;

	for (uint64_t back = 2; back <= LEDGER_HEAD_STALE && back <= seq; back += 2) {
		if (ledger_fmt_slot_torn(raw, newer, seen->ring->slot[i][(seq - back) / 2 % RING]))
			return true;
	}
	return seq <= LEDGER_HEAD_STALE && ledger_fmt_slot_torn(raw, newer, never);
}

int
ledger_slots_note(struct ledger *l, const struct ledger_fmt_rec *rec, uint64_t end, struct err *e)
{
	struct ledger_seen *seen = &l->seen;
	int i = (int)(rec->seq % LEDGER_FMT_SLOTS);
	const uint8_t *raw = seen->raw + i * LEDGER_FMT_SLOT;
	uint8_t now[LEDGER_FMT_SLOT];
	uint64_t claim;

	if (seen->known == rec->seq + 1 &&
	    memcmp(seen->best.hash, rec->hash, LEDGER_HASH_LEN) != 0) {
		l->bad_seq = rec->seq;
		return err_set(e, E_CORRUPT,
		    "record %llu at offset %llu is not the one the head file "
		    "knows",
		    (unsigned long long)rec->seq, (unsigned long long)(end - rec->len));
	}
	if (seen->missing || !ledger_fmt_slot_claim(raw, &claim) || claim < rec->seq ||
	    claim - rec->seq > LEDGER_HEAD_STALE)
		return 0;
	if (seen->state[i] == 1 && claim != rec->seq)
		return 0;
	expect(l, rec, end, now);
	if (seen->state[i] == 1) {
		seen->judged[i] = memcmp(raw, now, sizeof(now)) == 0;
		return 0;
	}
	if (!seen->ring)
		seen->ring = calloc(1, sizeof(*seen->ring));
	if (!seen->ring)
		return err_set(e, E_NOMEM, "no memory to check the head file");
	(void)memcpy(seen->ring->slot[i][rec->seq / 2 % RING], now, sizeof(now));
	if (claim == rec->seq)
		seen->judged[i] = interrupted(seen, i, claim, now);
	return 0;
}

/* A damaged slot that claims no record yet may be the beginning of a first write. (Slot 0 holds the
 * genesis from the start.) */
static bool
barely_begun(const struct ledger_seen *seen, int i)
{
	static const uint8_t never[LEDGER_FMT_SLOT];
	const uint8_t *raw = seen->raw + i * LEDGER_FMT_SLOT;
	uint8_t first[LEDGER_FMT_SLOT];
	uint64_t claim;

	if (i == 0 || ledger_fmt_slot_claim(raw, &claim))
		return false;
	ledger_fmt_slot_put(first, &(struct ledger_fmt_slot){.seq = (uint64_t)i});
	return ledger_fmt_slot_torn(raw, first, never);
}

int
ledger_slots_judge(struct ledger *l, bool strict, struct err *e)
{
	struct ledger_seen *seen = &l->seen;
	unsigned long long newest = l->tail.seq;
	int good = 0, fine = 0;

	l->bad_seq = newest;
	if (seen->missing)
		return err_set(
		    e, E_CORRUPT, "the head file is missing (newest record %llu)", newest);
	if (seen->known > l->tail.seq + 1) {
		l->bad_seq = l->tail.seq + 1;
		return err_set(e, E_CORRUPT,
		    "the log was cut: it ends with record %llu at offset %llu, "
		    "but record %llu was written",
		    newest, (unsigned long long)l->tail.end, (unsigned long long)(seen->known - 1));
	}
	for (int i = 0; i < LEDGER_FMT_SLOTS; i++) {
		/* slot 0 holds at least the genesis, which was synced before anybody saw the ledger
		 */
		bool ok = seen->judged[i] || barely_begun(seen, i);

		if (seen->state[i] == 0)
			ok = i == 1 && l->tail.seq <= LEDGER_HEAD_STALE;
		ok = ok && !seen->cut;

		fine += ok;
		good += ok && seen->state[i] == 1;
	}
	if (fine == LEDGER_FMT_SLOTS || (!strict && good > 0))
		return 0;
	return err_set(e, E_CORRUPT, "the head file is damaged (newest record %llu)", newest);
}

/* deps: base crypt sys ledger */
/* A ledger whose every byte is foreign: the codec alone, and opening and verifying whole files. The
 * first 512 bytes are the head file, the rest is the log. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ledger/fact.h"
#include "ledger/ledger_fmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct files {
	int log, head;
};

static int
f_open(void *ctx, int dirfd, const char *path, int flags, mode_t mode)
{
	const struct files *f = ctx;

	(void)dirfd, (void)flags, (void)mode;
	if (strcmp(path, "log") == 0)
		return dup(f->log);
	return dup(f->head); /* the directory is only a descriptor here */
}

static int
file_of(const uint8_t *p, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
	return fd;
}

static int
on_record(const struct ledger_rec *rec, void *cookie, struct err *e)
{
	struct fact fact;

	(void)cookie;
	if (fact_read(rec->payload, rec->len, false, &fact, e) == 0)
		fact_free(&fact);
	return 0;
}

static void
whole(const uint8_t *p, size_t n)
{
	struct files files;
	struct fio f = *fio_os();
	struct ledger_report rep;
	struct ledger *l;
	struct err e;
	size_t head = n < LEDGER_FMT_HEAD_FILE ? n : LEDGER_FMT_HEAD_FILE;

	files.head = file_of(p, head);
	files.log = file_of(p + head, n - head);
	f.ctx = &files;
	f.open_at = f_open;
	if (ledger_verify(&f, -1, "x", NULL, NULL, &rep, &e) == 0 && !rep.ok && !rep.why[0])
		abort();
	if (ledger_open(&f, -1, "x", NULL, &l, &e) == 0) {
		if (ledger_each(l, 0, on_record, NULL, &e) > 0)
			abort();
		ledger_close(l);
	}
	(void)close(files.head);
	(void)close(files.log);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ledger_fmt_rec rec;
	struct ledger_fmt_slot slot;
	uint8_t id[LEDGER_ID_LEN], again[LEDGER_FMT_SLOT];

	if (ledger_fmt_header_get(p, n, id, NULL) == 0) {
		uint8_t h[LEDGER_FMT_HEADER];

		ledger_fmt_header_put(h, id);
		if (memcmp(h, p, 12) != 0)
			abort();
	}
	if (ledger_fmt_rec_get(p, n, &rec) == 0 &&
	    (rec.len > n || rec.sig + SIGN_LEN != p + rec.len ||
		rec.payload + rec.payload_len != rec.hash))
		abort();
	if (n >= LEDGER_FMT_SLOT && ledger_fmt_slot_get(p, &slot) == 1) {
		ledger_fmt_slot_put(again, &slot);
		if (memcmp(again, p, sizeof(again)) != 0)
			abort();
	}
	if (n < (1 << 16))
		whole(p, n);
	return 0;
}

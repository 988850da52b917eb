/* deps: base sys */
/* Requests on the sockets between processes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sys/chan.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct chan_msg m;
	struct err e;

	if (chan_parse(p, n, &m, &e) < 0)
		return 0;
	/* what a handler relies on */
	if (!m.method || !*m.method || strlen(m.method) > CHAN_METHOD_MAX || m.id < -1 ||
	    (m.params && !json_is_object(m.params)))
		abort();
	chan_msg_free(&m);
	return 0;
}

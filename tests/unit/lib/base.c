#include "tap.h"

#include "base/num.h"

int
main(void)
{
	uint64_t v;

	OK(num_parse_u64("18446744073709551615", UINT64_MAX, &v, NULL) == 0 && v == UINT64_MAX,
	    "largest number");
	return tap_done();
}

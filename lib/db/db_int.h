/* Inside lib/db only. */
#ifndef MAMORI_DB_DB_INT_H
#define MAMORI_DB_DB_INT_H

#include "db/db.h"

/* db_script(db, sql, n, e): Run several statements without arguments, with {{...}} replaced. */
MUST int db_script(struct db *db, const char *sql, size_t n, struct err *e);
/* db_claim(db, e): Mark a new database as Mamori's, or E_PROTO where it is another program's. */
MUST int db_claim(struct db *db, struct err *e);

#endif

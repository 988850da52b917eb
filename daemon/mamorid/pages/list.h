/* Every table of pages, one a line. The first row that fits an address is taken: a table with
 * "/x/new" stands before one with "/x/:id". Included by pages.h and pages.c. */
#ifdef PAGES
PAGES(accounts)
PAGES(guide_compare)
PAGES(guide)
PAGES(guide_run)
PAGES(guide_work)
PAGES(guide_vendor)
PAGES(me)
PAGES(register_map)
PAGES(register_io)
PAGES(register_edit)
PAGES(register)
PAGES(setup)
PAGES(signin)
PAGES(status)
PAGES(tasks)
PAGES(today)
PAGES(vault)
PAGES(vault_do)
PAGES(vault_look)
#endif

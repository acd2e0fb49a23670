/* A team of worker threads for data-parallel loops.
 *
 * Work is cut statically: the same number of items and the same team size always give the same ranges, so a
 * computation that reduces in range order is reproducible bit for bit. Built on pthreads and C11 atomics,
 * never on GMutex, so that ThreadSanitizer sees every ordering.
 *
 * A team belongs to one thread at a time: the one that calls cs_team_run(). Every job makes its own. */
#pragma once

#include <stddef.h>

#include <glib-object.h>

typedef struct CsTeam CsTeam;

/* Handles the items begin … end−1; worker is 0 … size−1 (0 is the calling thread). */
typedef void (*CsTeamFunc) (size_t begin, size_t end, unsigned worker, void *data);

/* n_threads counts the calling thread; 0 = one for each processor that this process may use. */
CsTeam *cs_team_new (unsigned n_threads);
void cs_team_free (CsTeam *team);

/* 1 for a NULL team. */
unsigned cs_team_size (const CsTeam *team);

/* Runs func over 0 … n_items−1 in cs_team_size() contiguous ranges (empty ones are not called) and returns
 * when all are done. A NULL team runs everything on the calling thread. */
void cs_team_run (CsTeam *team, size_t n_items, CsTeamFunc func, void *data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsTeam, cs_team_free)

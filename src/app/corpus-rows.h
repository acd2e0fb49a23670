/* The list of corpora of a study, and a row for each. */
#pragma once

#include <adwaita.h>

#include "corpus-survey.h"
#include "study.h"

/* info: what is known of the file, NULL while it is read. total: tokens of all corpora, NaN where not known. Its button
 * activates "activations.remove-corpus" with the path. */
GtkWidget *cs_corpus_row_new (const char *path, const CsCorpusInfo *info, double total);

/* An estimate with three digits. Free with g_free(). */
char *cs_corpus_estimate (double n);

bool cs_corpora_find (CsStudy *study, const char *path, guint *position);
/* position beyond the end appends; a path that is there already is an error. */
bool cs_corpora_insert (CsStudy *study, guint position, const char *path, GError **error);
bool cs_corpora_remove (CsStudy *study, guint position, GError **error);

/* Printing a table of latents. */
#pragma once

#include "latents.h"

/* COLUMN or -COLUMN (downwards), one of the columns that JSON lines show. */
bool cs_latents_list_has_column (const char *column);
/* tag NULL: all classes. sort NULL: by delta_norm downwards. limit 0: all. */
void cs_latents_list_print (const CsLatents *latents,
                            const CsLatentClass *tag,
                            const char *sort,
                            size_t limit,
                            bool json);

/* The steps of it: filter writes the rows of a class (NULL: all) to index [n_latents] and returns
 * how many, in order of latent; sort orders n of them by a column, NaN last. */
size_t cs_latents_list_filter (const CsLatents *latents, const CsLatentClass *tag, uint32_t *index);
void cs_latents_list_sort (const CsLatents *latents, const char *sort, uint32_t *index, size_t n);

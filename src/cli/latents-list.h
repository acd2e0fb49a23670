/* Printing a table of latents. */
#pragma once

#include "latents.h"
#include "study.h"

/* A column's value has to be from min to max. */
typedef struct
{
  size_t field; /* latents.h */
  double min, max;
} CsLatentsBound;

/* Which latents are listed: the filters of the window. All zeros: every one. */
typedef struct
{
  unsigned classes; /* bits 1 << CsLatentClass; 0: all */
  bool alive, tested, chat_specific, bookmarked;
  const CsLatentsBound *bounds;
  size_t n_bounds;
  const char *search; /* part of the number, name, note or description, in any case; NULL: all */
  const char *list;   /* only those on the list of this name; NULL: all */
  CsStudy *study;     /* whose labels are looked at and shown; NULL: there are none */
  const char *run_name;
} CsLatentsQuery;

/* COLUMN or -COLUMN (downwards), one of the columns that JSON lines show. */
bool cs_latents_list_has_column (const char *column);
/* "COLUMN=NUMBER" into *bound, whose other end stays open; false where it is no such thing. */
bool cs_latents_list_parse_bound (const char *text, bool is_max, CsLatentsBound *bound);
/* "chat-only,other" into bits; false where a word is no class. */
bool cs_latents_list_parse_classes (const char *text, unsigned *classes);

/* sort NULL: by delta_norm downwards. limit 0: all. */
void cs_latents_list_print (const CsLatents *latents,
                            const CsLatentsQuery *query,
                            const char *sort,
                            size_t limit,
                            bool json);

/* The steps of it: filter writes the rows that pass to index [n_latents] and returns how many, in
 * order of latent; sort orders n of them by a column, NaN last. */
size_t
cs_latents_list_filter (const CsLatents *latents, const CsLatentsQuery *query, uint32_t *index);
void cs_latents_list_sort (const CsLatents *latents, const char *sort, uint32_t *index, size_t n);

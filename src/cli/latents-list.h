/* Printing a table of latents. */
#pragma once

#include "latents.h"

/* COLUMN or -COLUMN (downwards), one of the columns that JSON lines show. */
bool cs_latents_list_has_column (const char *column);
/* tag NULL: all classes. sort NULL: by delta_norm downwards. limit 0: all. */
void cs_latents_list_print (const CsLatents *latents, const CsLatentClass *tag, const char *sort, size_t limit, bool json);

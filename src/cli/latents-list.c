#include "latents-list.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static size_t
find_column (const char *name)
{
  size_t i = 0;

  while (i < cs_latents_n_fields () && strcmp (cs_latents_field_name (i), name) != 0)
    i++;
  return i;
}

bool
cs_latents_list_has_column (const char *column)
{
  return find_column (column + (*column == '-')) < cs_latents_n_fields ();
}

typedef struct
{
  double key;
  uint32_t latent;
} Entry;

/* NaN last, whatever the direction (downwards, keys come negated); ties by latent. */
static int
compare (const void *a, const void *b)
{
  const Entry *x = a, *y = b;

  if (isnan (x->key) != isnan (y->key))
    return isnan (x->key) ? 1 : -1;
  if (x->key != y->key && !isnan (x->key))
    return x->key < y->key ? -1 : 1;
  return x->latent < y->latent ? -1 : x->latent > y->latent;
}

static json_t *
field_json (const CsLatentRow *r, size_t field)
{
  const double value = cs_latents_field_value (r, field);

  if (isnan (value))
    return json_null ();
  if (cs_latents_field_is_flag (field))
    return json_boolean (value != 0);
  return cs_latents_field_is_whole (field) ? json_integer ((json_int_t)value) : cs_cli_real (value);
}

static json_t *
row_json (const CsLatentRow *r)
{
  json_t *object = json_object ();

  for (size_t i = 0; i < cs_latents_n_fields (); i++)
    json_object_set_new (object, cs_latents_field_name (i), field_json (r, i));
  json_object_set_new (object, "tag", json_string (cs_latent_class_name (r->tag)));
  return object;
}

static void
print_row (const CsLatentRow *r)
{
  printf ("%7u  %-9s  %6.3f  %7.3f  %7.3f  %7.3f  %9.5f%%  %8.3f  %8" G_GUINT64_FORMAT "  %s\n",
          r->latent, cs_latent_class_name (r->tag), r->delta_norm, r->nu_error,
          r->nu_reconstruction, r->dec_cos_sim, 100 * r->density, r->max_act, r->count_active,
          !r->tested         ? "not tested"
          : r->chat_specific ? "chat-specific"
                             : "not chat-specific");
}

size_t
cs_latents_list_filter (const CsLatents *latents, const CsLatentClass *tag, uint32_t *index)
{
  size_t n = 0;

  for (size_t j = 0; j < latents->n_latents; j++)
    if (tag == NULL || latents->rows[j].tag == *tag)
      index[n++] = (uint32_t)j;
  return n;
}

void
cs_latents_list_sort (const CsLatents *latents, const char *sort, uint32_t *index, size_t n)
{
  const bool down = *sort == '-';
  const size_t column = find_column (sort + down);
  g_autofree Entry *entries = g_new (Entry, MAX (n, 1));

  for (size_t i = 0; i < n; i++)
    {
      double key = cs_latents_field_value (&latents->rows[index[i]], column);
      entries[i] = (Entry){ down ? -key : key, index[i] };
    }
  qsort (entries, n, sizeof *entries, compare);
  for (size_t i = 0; i < n; i++)
    index[i] = entries[i].latent;
}

void
cs_latents_list_print (const CsLatents *latents,
                       const CsLatentClass *tag,
                       const char *sort,
                       size_t limit,
                       bool json)
{
  g_autofree uint32_t *index = g_new (uint32_t, MAX (latents->n_latents, 1));
  size_t n = cs_latents_list_filter (latents, tag, index);

  cs_latents_list_sort (latents, sort != NULL ? sort : "-delta_norm", index, n);
  if (!json)
    printf (" latent  class      Δ_norm      ν^ε      ν^r   cosine     density   max act    active "
            " Latent Scaling\n");
  for (size_t i = 0; i < n && (limit == 0 || i < limit); i++)
    if (json)
      cs_cli_print_json (row_json (&latents->rows[index[i]]));
    else
      print_row (&latents->rows[index[i]]);
}

#include "latents-list.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* What rows can be sorted by. The last N_WORDS are not numbers in JSON. */
enum
{
  N_WORDS = 4
};
static const char *const columns[] = {
  "latent",
  "delta_norm",
  "dec_base_norm",
  "dec_chat_norm",
  "dec_cos_sim",
  "enc_cos_sim",
  "density",
  "max_act",
  "beta_activation_base",
  "beta_activation_chat",
  "beta_reconstruction_base",
  "beta_reconstruction_chat",
  "beta_error_base",
  "beta_error_chat",
  "nu_activation",
  "nu_error",
  "nu_reconstruction",
  "count_active",
  "template_share",
  "tag",
  "dead",
  "tested",
  "chat_specific",
};

static double
value_of (const CsLatentRow *r, size_t column)
{
  const double values[] = {
    r->latent,
    r->delta_norm,
    r->dec_base_norm,
    r->dec_chat_norm,
    r->dec_cos_sim,
    r->enc_cos_sim,
    r->density,
    r->max_act,
    r->beta_activation[0],
    r->beta_activation[1],
    r->beta_reconstruction[0],
    r->beta_reconstruction[1],
    r->beta_error[0],
    r->beta_error[1],
    r->nu_activation,
    r->nu_error,
    r->nu_reconstruction,
    (double)r->count_active,
    r->template_share,
    r->tag,
    r->dead,
    r->tested,
    r->tested ? r->chat_specific : NAN,
  };

  return values[column];
}

static size_t
find_column (const char *name)
{
  size_t i = 0;

  while (i < G_N_ELEMENTS (columns) && strcmp (columns[i], name) != 0)
    i++;
  return i;
}

bool
cs_latents_list_has_column (const char *column)
{
  return find_column (column + (*column == '-')) < G_N_ELEMENTS (columns);
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
row_json (const CsLatentRow *r)
{
  json_t *object = json_object ();

  for (size_t c = 0; c < G_N_ELEMENTS (columns) - N_WORDS; c++)
    {
      bool whole = strcmp (columns[c], "latent") == 0 || strcmp (columns[c], "count_active") == 0;

      json_object_set_new (object, columns[c],
                           whole ? json_integer ((json_int_t)value_of (r, c))
                                 : cs_cli_real (value_of (r, c)));
    }
  json_object_set_new (object, "tag", json_string (cs_latent_class_name (r->tag)));
  json_object_set_new (object, "dead", json_boolean (r->dead));
  json_object_set_new (object, "tested", json_boolean (r->tested));
  json_object_set_new (object, "chat_specific",
                       r->tested ? json_boolean (r->chat_specific) : json_null ());
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
      double key = value_of (&latents->rows[index[i]], column);
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

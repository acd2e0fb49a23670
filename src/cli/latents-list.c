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

bool
cs_latents_list_parse_bound (const char *text, bool is_max, CsLatentsBound *bound)
{
  const char *equals = strchr (text, '=');
  g_autofree char *name = equals != NULL ? g_strndup (text, (gsize)(equals - text)) : NULL;
  char *end;
  double value;

  if (name == NULL || find_column (name) == cs_latents_n_fields ())
    return false;
  value = g_ascii_strtod (equals + 1, &end);
  if (!cs_latents_field_is_whole (find_column (name)))
    value = (double)(float)value; /* as the columns are kept: a printed value is its own bound */
  *bound =
      (CsLatentsBound){ find_column (name), is_max ? -INFINITY : value, is_max ? value : INFINITY };
  return end != equals + 1 && *end == '\0' && !isnan (value);
}

bool
cs_latents_list_parse_classes (const char *text, unsigned *classes)
{
  g_auto (GStrv) words = g_strsplit (text, ",", -1);

  for (char **word = words; *word != NULL; word++)
    {
      CsLatentClass tag;

      if (!cs_latent_class_parse (*word, &tag))
        return false;
      *classes |= 1u << tag;
    }
  return *words != NULL;
}

/* --- Filter and order --- */

static const CsLabel *
label_of (const CsLatentsQuery *query, size_t latent)
{
  return query->study != NULL ? cs_study_label (query->study, query->run_name, latent) : NULL;
}

/* needle: folded. */
static bool
is_found (const CsLatentRow *row, const CsLabel *label, const char *needle)
{
  g_autofree char *text = g_strdup_printf (
      "%u\n%s\n%s\n%s", row->latent, label != NULL && label->name != NULL ? label->name : "",
      label != NULL && label->note != NULL ? label->note : "",
      label != NULL && label->suggestion != NULL ? label->suggestion->text : "");
  g_autofree char *folded = g_utf8_casefold (text, -1);

  return strstr (folded, needle) != NULL;
}

static bool
passes (const CsLatentRow *row, const CsLatentsQuery *query, const char *needle)
{
  const CsLabel *label;

  if ((query->classes != 0 && (query->classes >> row->tag & 1) == 0) ||
      (query->alive && row->dead) || (query->tested && !row->tested) ||
      (query->chat_specific && !row->chat_specific))
    return false;
  for (size_t i = 0; i < query->n_bounds; i++)
    {
      const double value = cs_latents_field_value (row, query->bounds[i].field);

      if (!(value >= query->bounds[i].min && value <= query->bounds[i].max)) /* NaN is not */
        return false;
    }
  if (!query->bookmarked && query->list == NULL && needle == NULL)
    return true;
  label = label_of (query, row->latent);
  if ((query->bookmarked && (label == NULL || !label->bookmarked)) ||
      (query->list != NULL && (label == NULL || label->lists == NULL ||
                               !g_strv_contains ((const char *const *)label->lists, query->list))))
    return false;
  return needle == NULL || is_found (row, label, needle);
}

size_t
cs_latents_list_filter (const CsLatents *latents, const CsLatentsQuery *query, uint32_t *index)
{
  g_autofree char *needle = query->search != NULL ? g_utf8_casefold (query->search, -1) : NULL;
  size_t n = 0;

  for (size_t j = 0; j < latents->n_latents; j++)
    if (passes (&latents->rows[j], query, needle))
      index[n++] = (uint32_t)j;
  return n;
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

/* --- Printing --- */

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

static void
add_label (json_t *object, const CsLabel *label)
{
  json_t *lists = json_array ();

  for (char **list = label->lists; list != NULL && *list != NULL; list++)
    json_array_append_new (lists, cs_cli_string (*list));
  json_object_set_new (object, "name", cs_cli_string (label->name));
  json_object_set_new (object, "note", cs_cli_string (label->note));
  json_object_set_new (object, "bookmarked", json_boolean (label->bookmarked));
  json_object_set_new (object, "lists", lists);
  json_object_set_new (object, "description",
                       cs_cli_string (label->suggestion != NULL ? label->suggestion->text : NULL));
}

static json_t *
row_json (const CsLatentRow *r, const CsLabel *label)
{
  json_t *object = json_object ();

  for (size_t i = 0; i < cs_latents_n_fields (); i++)
    json_object_set_new (object, cs_latents_field_name (i), field_json (r, i));
  json_object_set_new (object, "tag", json_string (cs_latent_class_name (r->tag)));
  if (label != NULL)
    add_label (object, label);
  return object;
}

static void
print_row (const CsLatentRow *r, const CsLabel *label)
{
  const char *name = label == NULL               ? NULL
                     : label->name != NULL       ? label->name
                     : label->suggestion != NULL ? label->suggestion->text
                                                 : NULL;

  printf ("%7u  %-9s  %6.3f  %7.3f  %7.3f  %7.3f  %9.5f%%  %8.3f  %8" G_GUINT64_FORMAT "  %s%s%s\n",
          r->latent, cs_latent_class_name (r->tag), r->delta_norm, r->nu_error,
          r->nu_reconstruction, r->dec_cos_sim, 100 * r->density, r->max_act, r->count_active,
          !r->tested         ? "not tested"
          : r->chat_specific ? "chat-specific"
                             : "not chat-specific",
          name != NULL ? "  " : "", name != NULL ? name : "");
}

void
cs_latents_list_print (const CsLatents *latents,
                       const CsLatentsQuery *query,
                       const char *sort,
                       size_t limit,
                       bool json)
{
  g_autofree uint32_t *index = g_new (uint32_t, MAX (latents->n_latents, 1));
  size_t n = cs_latents_list_filter (latents, query, index);

  cs_latents_list_sort (latents, sort != NULL ? sort : "-delta_norm", index, n);
  if (!json)
    printf (" latent  class      Δ_norm      ν^ε      ν^r   cosine     density   max act    active "
            " Latent Scaling\n");
  for (size_t i = 0; i < n && (limit == 0 || i < limit); i++)
    {
      const CsLatentRow *row = &latents->rows[index[i]];

      if (json)
        cs_cli_print_json (row_json (row, label_of (query, row->latent)));
      else
        print_row (row, label_of (query, row->latent));
    }
}

#include "latent-shares.h"

#include <math.h>

#include <glib/gi18n.h>

#include "latent-words.h"

double
cs_latent_share (const CsLatentRow *row, CsLatentShare share)
{
  const float *s = row->share;

  switch (share)
    {
    case CS_LATENT_SHARE_TEXT:
      return s[CS_TOKEN_CLASS_TEXT];
    case CS_LATENT_SHARE_USER:
      return (double)s[CS_TOKEN_CLASS_USER] + (double)s[CS_TOKEN_CLASS_OTHER];
    case CS_LATENT_SHARE_MODEL:
      return s[CS_TOKEN_CLASS_MODEL];
    case CS_LATENT_SHARE_MARKERS:
      return (double)s[CS_TOKEN_CLASS_START] + (double)s[CS_TOKEN_CLASS_END];
    case CS_LATENT_SHARE_ROLE:
      return s[CS_TOKEN_CLASS_ROLE];
    case CS_LATENT_SHARE_NEWLINE:
      return s[CS_TOKEN_CLASS_NEWLINE];
    case CS_LATENT_SHARE_BOS:
      return s[CS_TOKEN_CLASS_BOS];
    case CS_LATENT_N_SHARES:
    default:
      return NAN;
    }
}

const char *
cs_latent_share_name (CsLatentShare share)
{
  switch (share)
    {
    case CS_LATENT_SHARE_TEXT:
      return _ ("Plain Text");
    case CS_LATENT_SHARE_USER:
      return _ ("User");
    case CS_LATENT_SHARE_MODEL:
      return _ ("Model");
    case CS_LATENT_SHARE_MARKERS:
      return _ ("Markers");
    case CS_LATENT_SHARE_ROLE:
      return _ ("Role");
    case CS_LATENT_SHARE_NEWLINE:
      return _ ("Newline");
    case CS_LATENT_SHARE_BOS:
    case CS_LATENT_N_SHARES:
    default:
      return _ ("Beginning");
    }
}

const char *
cs_latent_share_meaning (CsLatentShare share)
{
  switch (share)
    {
    case CS_LATENT_SHARE_TEXT:
      return _ ("Share of its active tokens that are outside of any conversation");
    case CS_LATENT_SHARE_USER:
      return _ ("Share of its active tokens that the user says, or a system message or a tool");
    case CS_LATENT_SHARE_MODEL:
      return _ ("Share of its active tokens that the model says");
    case CS_LATENT_SHARE_MARKERS:
      return _ ("Share of its active tokens that open or close a turn");
    case CS_LATENT_SHARE_ROLE:
      return _ ("Share of its active tokens that name whose turn it is");
    case CS_LATENT_SHARE_NEWLINE:
      return _ ("Share of its active tokens that are the template's newlines");
    case CS_LATENT_SHARE_BOS:
    case CS_LATENT_N_SHARES:
    default:
      return _ ("Share of its active tokens that begin a document");
    }
}

/* --- Figure --- */

typedef struct
{
  double sum[CS_LATENT_N_SHARES];
  size_t n;
} Mean;

static bool
is_known (const CsLatentRow *row)
{
  return isfinite (row->share[CS_TOKEN_CLASS_TEXT]);
}

static void
mean_add (Mean *mean, const CsLatentRow *row)
{
  for (CsLatentShare s = 0; s < CS_LATENT_N_SHARES; s++)
    mean->sum[s] += cs_latent_share (row, s);
  mean->n++;
}

static void
append_mean (CsLayer *layer, const char *name, const Mean *mean)
{
  g_autofree char *text = g_strdup_printf (_ ("%s (%zu)"), name, mean->n);
  double values[CS_LATENT_N_SHARES];

  for (size_t s = 0; s < CS_LATENT_N_SHARES; s++)
    values[s] = mean->sum[s] / (double)mean->n;
  cs_bars_append_parts (layer, text, values);
}

static size_t
append_means (CsLayer *layer, CsLatentList *list)
{
  Mean all = { { 0 }, 0 }, means[CS_PLOT_CLASS_PLAIN] = { { { 0 }, 0 } };
  size_t n_bars = 0;

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (list)); i++)
    {
      const CsLatentRow *row = cs_latent_list_row (list, cs_latent_list_at (list, i));

      if (row == NULL || row->dead || !is_known (row))
        continue;
      mean_add (&all, row);
      mean_add (&means[cs_latent_plot_class (row)], row);
    }
  if (all.n > 0)
    append_mean (layer, _ ("All that are shown"), &all), n_bars++;
  for (CsPlotClass c = 0; c < CS_PLOT_CLASS_PLAIN; c++)
    if (means[c].n > 0)
      append_mean (layer,
                   c == CS_PLOT_CLASS_CHAT_ONLY ? _ ("chat-only, not confirmed")
                                                : cs_plot_class_name (c),
                   &means[c]),
          n_bars++;
  return n_bars;
}

static size_t
append_first (CsLayer *layer, CsLatentList *list)
{
  const guint n = g_list_model_get_n_items (G_LIST_MODEL (list));
  size_t n_bars = 0;

  for (guint i = 0; i < n && n_bars < CS_LATENT_SHARES_SHOWN; i++)
    {
      const size_t latent = cs_latent_list_at (list, i);
      const CsLatentRow *row = cs_latent_list_row (list, latent);
      const CsLabel *label = cs_latent_list_label (list, latent);
      g_autofree char *name = label != NULL && label->name != NULL
                                  ? g_strdup_printf (_ ("Latent %zu: %s"), latent, label->name)
                                  : g_strdup_printf (_ ("Latent %zu"), latent);
      double values[CS_LATENT_N_SHARES];

      if (row == NULL || row->dead || !is_known (row))
        continue;
      for (CsLatentShare s = 0; s < CS_LATENT_N_SHARES; s++)
        values[s] = cs_latent_share (row, s);
      cs_bars_append_parts (layer, name, values);
      n_bars++;
    }
  return n_bars;
}

CsPlot *
cs_latent_shares_figure (CsLatentList *list, size_t *n_bars)
{
  CsPlot *plot = cs_plot_new (_ ("On what kinds of tokens latents are active"));
  const char *names[CS_LATENT_N_SHARES];
  CsLayer *layer;

  for (CsLatentShare s = 0; s < CS_LATENT_N_SHARES; s++)
    names[s] = cs_latent_share_name (s);
  layer = cs_plot_add_stacked_bars (plot, _ ("share"), names, CS_LATENT_N_SHARES);
  cs_axis_set_label (cs_plot_x (plot), _ ("share of active tokens"), NULL);
  cs_axis_set_range (cs_plot_x (plot), 0, 1);
  *n_bars = append_means (layer, list);
  *n_bars += append_first (layer, list);
  if (*n_bars == 0)
    cs_plot_set_placeholder (plot, cs_latent_list_n_latents (list) > 0
                                       ? _ ("The run was analysed on text without conversations, "
                                            "or no latent passes the filter")
                                       : _ ("No latent passes the filter"));
  return plot;
}

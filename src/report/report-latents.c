/* What analysis found about the latents: counts, Latent Scaling, template tokens, names. */
#include "report-private.h"

#include <math.h>

#include <glib/gi18n.h>

#include "figures.h"

#define MAX_RUNS_SHOWN 6
#define MAX_LABELS 200

static double
column (const CsLatentRow *row, const char *name)
{
  for (size_t f = 0; f < cs_latents_n_fields (); f++)
    if (g_str_equal (cs_latents_field_name (f), name))
      return cs_latents_field_value (row, f);
  return NAN;
}

static CsPlotClass
class_of (const CsLatentRow *row)
{
  static const CsPlotClass classes[] = {
    [CS_LATENT_BASE_ONLY] = CS_PLOT_CLASS_BASE_ONLY, [CS_LATENT_SHARED] = CS_PLOT_CLASS_SHARED,
    [CS_LATENT_CHAT_ONLY] = CS_PLOT_CLASS_CHAT_ONLY, [CS_LATENT_OTHER] = CS_PLOT_CLASS_OTHER,
    [CS_LATENT_DEAD] = CS_PLOT_CLASS_OTHER,
  };

  if (row->tested && row->chat_specific)
    return CS_PLOT_CLASS_CHAT_SPECIFIC;
  return row->tag < G_N_ELEMENTS (classes) ? classes[row->tag] : CS_PLOT_CLASS_OTHER;
}

/* --- Figures --- */

typedef struct
{
  size_t n;
  float *values;
  uint8_t *classes;
  CsScalingPoint *points;
} FigureData;

static void
figure_data_free (void *data)
{
  FigureData *d = data;

  g_free (d->values);
  g_free (d->classes);
  g_free (d->points);
  g_free (d);
}

static CsPlot *
plot_norm_ratio (const void *data)
{
  const FigureData *d = data;

  return cs_figure_norm_ratio_values (d->values, d->classes, d->n, true);
}

static CsPlot *
plot_template_share (const void *data)
{
  const FigureData *d = data;

  return cs_figure_template_share (d->values, d->classes, d->n, true);
}

static CsPlot *
plot_scaling (const void *data)
{
  const FigureData *d = data;

  return cs_figure_scaling (d->points, d->n);
}

/* Δ_norm, or the template's share, of living latents. */
static FigureData *
values_of (const CsLatents *latents, bool template_share)
{
  FigureData *d = g_new0 (FigureData, 1);

  d->values = g_new (float, latents->n_latents);
  d->classes = g_new (uint8_t, latents->n_latents);
  for (size_t j = 0; j < latents->n_latents; j++)
    if (!latents->rows[j].dead)
      {
        d->values[d->n] =
            template_share ? latents->rows[j].template_share : latents->rows[j].delta_norm;
        d->classes[d->n++] = (uint8_t)class_of (&latents->rows[j]);
      }
  return d;
}

static FigureData *
points_of (const CsLatents *latents)
{
  FigureData *d = g_new0 (FigureData, 1);

  d->points = g_new0 (CsScalingPoint, latents->n_latents);
  for (size_t j = 0; j < latents->n_latents; j++)
    {
      const CsLatentRow *row = &latents->rows[j];

      if (row->tested && !row->dead && isfinite (row->nu_error) &&
          isfinite (row->nu_reconstruction))
        d->points[d->n++] = (CsScalingPoint){ .error = row->nu_error,
                                              .reconstruction = row->nu_reconstruction,
                                              .latent = j,
                                              .count_active = row->count_active,
                                              .klass = (uint8_t)class_of (row) };
    }
  return d;
}

static void
add_figure (CsReportSection *section,
            const char *kind,
            const char *caption,
            const CsReportRun *run,
            CsReportPlotFunc plot,
            FigureData *data)
{
  g_autofree char *slug = cs_report_slug (run->name);
  g_autofree char *id = g_strdup_printf ("%s-%s", kind, slug);
  g_autofree char *text = g_strdup_printf ("%s: %s", run->name, caption);

  cs_report_figure (section, id, text, plot, data, figure_data_free);
}

/* --- The claims table --- */

/* One row of the table. */
typedef struct
{
  const char *title;
  size_t offset; /* in CsLatentSummary */
  bool is_size;
  int decimals;
} CountRow;

#define SIZE(title, field)                                                                         \
  {                                                                                                \
    title, offsetof (CsLatentSummary, field), true, 0                                              \
  }
#define REAL(title, field, decimals)                                                               \
  {                                                                                                \
    title, offsetof (CsLatentSummary, field), false, decimals                                      \
  }

static const CountRow count_rows[] = {
  SIZE (N_ ("latents"), latents),
  SIZE (N_ ("dead"), dead),
  SIZE (N_ ("base-only (Δ_norm ≤ 0.1)"), base_only),
  SIZE (N_ ("shared (0.4 – 0.6)"), shared),
  SIZE (N_ ("chat-only (≥ 0.9)"), chat_only),
  SIZE (N_ ("… of them chat-specific"), chat_only_specific),
  SIZE (N_ ("other"), other),
  SIZE (N_ ("tested by Latent Scaling"), tested),
  SIZE (N_ ("chat-leaning (≥ 0.6), tested"), chat_leaning),
  SIZE (N_ ("chat-specific"), chat_specific),
  SIZE (N_ ("… with the whole 95 % intervals"), chat_specific_surely),
  SIZE (N_ ("… possible by the intervals"), chat_specific_possibly),
  SIZE (N_ ("base-leaning (≤ 0.4), tested"), base_leaning),
  SIZE (N_ ("base-specific along d_base"), base_specific),
  SIZE (N_ ("twins (cosine > 0.9)"), twins),
  REAL (N_ ("mean divergence of twins"), twin_divergence, 3),
  REAL (N_ ("FVE base"), fve_base, 3),
  REAL (N_ ("FVE chat"), fve_chat, 3),
  REAL (N_ ("L0"), l0, 1),
};

static void
add_count (CsReportBlock *table, const CountRow *row, const CsLatentSummary *summary)
{
  const char *field = (const char *)summary + row->offset;

  cs_report_number (table,
                    row->is_size ? (double)*(const size_t *)(const void *)field
                                 : *(const double *)(const void *)field,
                    row->decimals);
}

/* The runs of the table: L1, BatchTopK …, then the null control of each. */
static size_t
table_runs (const CsReportSource *source, const CsReportRun **runs, size_t n)
{
  size_t count = cs_report_shown_runs (source, runs, n / 2), shown = count;

  for (size_t i = 0; i < shown; i++)
    {
      const CsReportRun *null = cs_report_control_of (source, runs[i], CS_CONTROL_NULL);

      if (null != NULL && null->latents != NULL)
        runs[count++] = null;
    }
  return count;
}

static void
add_claims_table (CsReportSection *section, const CsReportSource *source)
{
  const CsReportRun *runs[2 * MAX_RUNS_SHOWN];
  const size_t n = table_runs (source, runs, G_N_ELEMENTS (runs));
  const char *columns[2 * MAX_RUNS_SHOWN + 2] = { _ ("count") };
  CsReportBlock *table;

  for (size_t i = 0; i < n; i++)
    columns[i + 1] = runs[i]->name;
  table = cs_report_table (section, "claims-table",
                           _ ("Latents of each run by Δ_norm and by Latent Scaling: L1 beside "
                              "BatchTopK beside the null control, where there is one."),
                           columns);
  for (size_t r = 0; r < G_N_ELEMENTS (count_rows); r++)
    {
      cs_report_cell (table, _ (count_rows[r].title));
      for (size_t i = 0; i < n; i++)
        add_count (table, &count_rows[r], &runs[i]->summary);
    }
  cs_report_cell (table, _ ("share of the chat-leaning that is chat-specific"));
  for (size_t i = 0; i < n; i++)
    cs_report_interval (table, runs[i]->summary.confirmed_share,
                        runs[i]->summary.confirmed_interval[0],
                        runs[i]->summary.confirmed_interval[1], 3);
}

static void
tell_missing_runs (CsReportSection *section, const CsReportSource *source)
{
  g_autofree char *folder = g_shell_quote (source->folder);

  if (!source->has_store)
    {
      g_autofree char *pair = cs_report_pair_words (source);

      cs_report_missing (section, "activations", _ ("No activations have been harvested."),
                         "crosscope-cli harvest %s --corpus FILE… --out %s/activations.h5", pair,
                         folder);
    }
  if (source->l1 == NULL)
    cs_report_missing (
        section, "training", _ ("No L1 run has been trained and analysed."),
        "crosscope-cli train --activations %s/activations.h5 --variant l1 --latents N "
        "--out %s/runs/l1-1 && crosscope-cli analyze %s/runs/l1-1 --activations "
        "%s/activations.h5",
        folder, folder, folder, folder);
  if (source->batchtopk == NULL)
    cs_report_missing (section, "training", _ ("No BatchTopK run has been trained and analysed."),
                       "crosscope-cli train --activations %s/activations.h5 --variant batchtopk "
                       "--latents N --out %s/runs/batchtopk-1 && crosscope-cli analyze "
                       "%s/runs/batchtopk-1 --activations %s/activations.h5",
                       folder, folder, folder, folder);
}

void
cs_report_add_counts (CsReport *report, const CsReportSource *source)
{
  CsReportSection *section = cs_report_add_section (report, "latents", _ ("Latents"));
  const CsReportRun *runs[MAX_RUNS_SHOWN];
  size_t n = cs_report_shown_runs (source, runs, MAX_RUNS_SHOWN);

  tell_missing_runs (section, source);
  if (n == 0)
    return;
  add_claims_table (section, source);
  for (size_t i = 0; i < n; i++)
    add_figure (section, "delta-norm",
                _ ("relative difference of the decoder norms, Δ_norm, of all living latents"),
                runs[i], plot_norm_ratio, values_of (runs[i]->latents, false));
}

/* --- Latent Scaling --- */

static void
add_spread (CsReportBlock *table, const CsReportRun *run, const char *of, const CsSpread *spread)
{
  cs_report_cell (table, run->name);
  cs_report_cell (table, of);
  cs_report_number (table, (double)spread->n, 0);
  cs_report_interval (table, spread->mean, spread->low, spread->high, 3);
}

static void
add_overlap (CsReportBlock *table, const CsReportRun *run, const char *of, const CsOverlap *overlap)
{
  cs_report_cell (table, run->name);
  cs_report_cell (table, of);
  cs_report_number (table, (double)overlap->n, 0);
  cs_report_number (table, (double)overlap->inside, 0);
  cs_report_interval (table, overlap->share, overlap->interval[0], overlap->interval[1], 3);
}

static void
add_scaling_tables (CsReportSection *section, const CsReportRun *const *runs, size_t n)
{
  CsReportBlock *spreads = cs_report_table (
      section, "nu-of-shared",
      _ ("ν of the tested shared latents: mean and the central 95 % (mean ± 1.96 standard "
         "deviations), what a ν looks like where both models have the latent."),
      (const char *const[]){ _ ("run"), _ ("ratio"), _ ("latents"), _ ("mean"), NULL });

  for (size_t i = 0; i < n; i++)
    {
      add_spread (spreads, runs[i], "ν^ε", &runs[i]->summary.shared_nu_error);
      add_spread (spreads, runs[i], "ν^r", &runs[i]->summary.shared_nu_reconstruction);
    }
  CsReportBlock *overlaps = cs_report_table (
      section, "overlap-with-shared",
      _ ("How many latents that lean to chat have a ν within that interval: those look like shared "
         "ones."),
      (const char *const[]){ _ ("run"), _ ("latents and ratio"), _ ("latents"), _ ("inside"),
                             _ ("share"), NULL });

  for (size_t i = 0; i < n; i++)
    {
      const CsLatentSummary *s = &runs[i]->summary;

      add_overlap (overlaps, runs[i], _ ("chat-leaning, ν^ε"), &s->leaning_error);
      add_overlap (overlaps, runs[i], _ ("chat-leaning, ν^r"), &s->leaning_reconstruction);
      add_overlap (overlaps, runs[i], _ ("chat-only, ν^ε"), &s->only_error);
      add_overlap (overlaps, runs[i], _ ("chat-only, ν^r"), &s->only_reconstruction);
    }
}

void
cs_report_add_scaling (CsReport *report, const CsReportSource *source)
{
  const CsReportRun *runs[MAX_RUNS_SHOWN];
  const size_t n = cs_report_shown_runs (source, runs, MAX_RUNS_SHOWN);
  CsReportSection *section;

  if (n == 0)
    return; /* said among the latents */
  section = cs_report_add_section (report, "scaling", _ ("Latent Scaling"));
  cs_report_paragraph (section, "%s",
                       _ ("A latent is called chat-specific where it leans to chat (Δ_norm ≥ 0.6), "
                          "ν^ε < 0.2 and ν^r < 0.5: base then neither misses it (Complete "
                          "Shrinkage) nor has it in another latent (Latent Decoupling)."));
  for (size_t i = 0; i < n; i++)
    add_figure (section, "nu", _ ("ν^ε and ν^r of the tested latents; accepted is the corner"),
                runs[i], plot_scaling, points_of (runs[i]->latents));
  add_scaling_tables (section, runs, n);
}

/* --- Template tokens --- */

static void
mean_shares (const CsLatents *latents, bool specific, double *mean, size_t *n)
{
  *n = 0;
  for (size_t c = 0; c < CS_TOKEN_N_CLASSES; c++)
    mean[c] = 0;
  for (size_t j = 0; j < latents->n_latents; j++)
    {
      const CsLatentRow *row = &latents->rows[j];

      if (row->dead || !isfinite (row->share[0]) ||
          (specific && !(row->tested && row->chat_specific)))
        continue;
      for (size_t c = 0; c < CS_TOKEN_N_CLASSES; c++)
        mean[c] += row->share[c];
      (*n)++;
    }
  for (size_t c = 0; c < CS_TOKEN_N_CLASSES; c++)
    mean[c] = *n > 0 ? mean[c] / (double)*n : NAN;
}

static void
add_share_rows (CsReportBlock *table, const CsReportRun *run)
{
  for (int specific = 0; specific < 2; specific++)
    {
      double mean[CS_TOKEN_N_CLASSES];
      size_t n;

      mean_shares (run->latents, specific, mean, &n);
      cs_report_cell (table, run->name);
      cs_report_cell (table, specific ? _ ("chat-specific") : _ ("all living"));
      cs_report_number (table, (double)n, 0);
      for (size_t c = 0; c < CS_TOKEN_N_CLASSES; c++)
        cs_report_number (table, mean[c], 3);
    }
}

static bool
has_shares (const CsLatents *latents)
{
  for (size_t j = 0; j < latents->n_latents; j++)
    if (isfinite (latents->rows[j].template_share))
      return true;
  return false;
}

void
cs_report_add_template (CsReport *report, const CsReportSource *source)
{
  const CsReportRun *runs[MAX_RUNS_SHOWN];
  const size_t n = cs_report_shown_runs (source, runs, MAX_RUNS_SHOWN);
  const char *columns[CS_TOKEN_N_CLASSES + 4] = { _ ("run"), _ ("latents"), _ ("number") };
  CsReportSection *section;
  CsReportBlock *table = NULL;

  if (n == 0)
    return;
  section = cs_report_add_section (report, "template-tokens", _ ("Template tokens"));
  for (size_t c = 0; c < CS_TOKEN_N_CLASSES; c++)
    columns[c + 3] = cs_token_class_name ((CsTokenClass)c);
  for (size_t i = 0; i < n; i++)
    {
      if (!has_shares (runs[i]->latents))
        continue;
      add_figure (section, "template",
                  _ ("share of each latent's active tokens that the chat template wrote"), runs[i],
                  plot_template_share, values_of (runs[i]->latents, true));
    }
  for (size_t i = 0; i < n; i++)
    if (has_shares (runs[i]->latents))
      {
        if (table == NULL)
          table = cs_report_table (section, "token-classes",
                                   _ ("Mean share of the active tokens of a latent by what the "
                                      "token is; a row adds up to 1."),
                                   columns);
        add_share_rows (table, runs[i]);
      }
  if (table == NULL)
    cs_report_missing (section, "activations",
                       _ ("The corpora hold no chat text with a known template."), "%s",
                       "crosscope-cli harvest … --corpus CHAT.jsonl");
}

/* --- Names --- */

static void
add_label (CsReportBlock *table, const CsReportRun *run, const CsLatentRow *row, json_t *label)
{
  static const char *const columns[] = { "delta_norm", "nu_error", "nu_reconstruction", "density" };

  cs_report_cell (table, run->name);
  cs_report_number (table, row->latent, 0);
  cs_report_cell (table, json_string_value (json_object_get (label, "name")));
  cs_report_cell (table, json_string_value (json_object_get (label, "note")));
  for (size_t i = 0; i < G_N_ELEMENTS (columns); i++)
    cs_report_number (table, column (row, columns[i]), i == 3 ? 5 : 3);
  cs_report_cell (table, !row->tested         ? _ ("not tested")
                         : row->chat_specific ? _ ("chat-specific")
                                              : _ ("not confirmed"));
}

void
cs_report_add_labels (CsReport *report, const CsReportSource *source)
{
  CsReportSection *section;
  CsReportBlock *table = NULL;

  for (guint i = 0; source->labels != NULL && i < source->runs->len; i++)
    {
      const CsReportRun *run = g_ptr_array_index (source->runs, i);
      json_t *labels = json_object_get (source->labels, run->name), *label;
      const char *key;

      json_object_foreach (labels, key, label)
      {
        guint64 latent;

        if (run->latents == NULL ||
            !g_ascii_string_to_unsigned (key, 10, 0, G_MAXUINT32, &latent, NULL) ||
            latent >= run->latents->n_latents || (table != NULL && table->n_rows >= MAX_LABELS))
          continue;
        if (table == NULL)
          {
            section = cs_report_add_section (report, "named-latents", _ ("Named latents"));
            table = cs_report_table (
                section, "labels", _ ("Latents that have been named, noted or bookmarked."),
                (const char *const[]){ _ ("run"), _ ("latent"), _ ("name"), _ ("note"), "Δ_norm",
                                       "ν^ε", "ν^r", _ ("density"), _ ("Latent Scaling"), NULL });
          }
        add_label (table, run, &run->latents->rows[latent], label);
      }
    }
}

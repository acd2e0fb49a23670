#include "run-row.h"

#include <glib/gi18n.h>
#include <math.h>

#include "controls.h"
#include "exchange.h"
#include "feedback.h"
#include "plot-view-theme.h"

struct _CsRunRow
{
  GtkListBoxRow parent;
  CsRunSeries *series;
  guint index;
  GtkCheckButton *check;
  GtkWidget *sparkline;
  GtkLabel *name, *state;
  GtkButton *pause;
  GtkMenuButton *menu;
  guint menu_items; /* bits of what the menu offers now; 0 while there is none */
};

G_DEFINE_FINAL_TYPE (CsRunRow, cs_run_row, GTK_TYPE_LIST_BOX_ROW)

/* --- Sparkline --- */

/* The loss falls over decades: its logarithm is drawn. */
static double
height_of (const CsMetrics *row)
{
  return row->loss > 0 && isfinite (row->loss) ? log10 (row->loss) : NAN;
}

static void
range_of (const GArray *rows, double *low, double *high)
{
  *low = INFINITY;
  *high = -INFINITY;
  for (guint i = 0; i < rows->len; i++)
    {
      double y = height_of (&g_array_index (rows, CsMetrics, i));

      *low = fmin (*low, y);
      *high = fmax (*high, y);
    }
}

/* At most some hundred points: a sparkline shows the shape, the plots show the points. */
static void
draw_sparkline (GtkDrawingArea *area, cairo_t *cr, int width, int height, void *data)
{
  CsRunRow *self = data;
  const GArray *rows = self->series->rows;
  CsPlotTheme theme = cs_plot_view_theme (GTK_WIDGET (area));
  CsPlotColor color = theme.series[self->index % CS_PLOT_N_SERIES];
  guint stride = rows->len / 120 + 1;
  double low, high;

  range_of (rows, &low, &high);
  cairo_set_source_rgba (cr, color.red, color.green, color.blue,
                         color.alpha * (self->series->shown ? 1 : 0.35));
  cairo_set_line_width (cr, 2);
  cairo_set_line_join (cr, CAIRO_LINE_JOIN_ROUND);
  if (rows->len < 2 || !(high > low))
    {
      cairo_move_to (cr, 2, height / 2.);
      cairo_line_to (cr, width - 2, height / 2.);
    }
  for (guint i = 0; rows->len >= 2 && high > low && i < rows->len; i += stride)
    {
      double y = height_of (&g_array_index (rows, CsMetrics, i));

      if (isfinite (y))
        cairo_line_to (cr, 2 + (width - 4.) * i / (rows->len - 1),
                       2 + (height - 4.) * (high - y) / (high - low));
    }
  cairo_stroke (cr);
}

/* --- State --- */

static bool
is_analysed (CsRun *run)
{
  g_autofree char *path = g_build_filename (cs_run_folder (run), "latents.h5", NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static char *
describe_job (CsJob *job, const CsRunSeries *series)
{
  CsJobSnapshot s;
  char *text;

  cs_job_snapshot (job, &s);
  if (s.state == CS_JOB_QUEUED)
    text = g_strdup (_ ("Waiting for its turn"));
  else if (s.state == CS_JOB_PAUSED)
    text = g_strdup (_ ("Paused"));
  else if (s.total > 0 && g_strcmp0 (s.unit, "steps") == 0)
    text = g_strdup_printf (_ ("Training, %.0f %%"), 100 * s.done / s.total);
  else if (s.total > 0)
    text = g_strdup_printf (_ ("Analysing, %.0f %%"), 100 * s.done / s.total);
  else
    text = g_strdup (s.phase != NULL ? s.phase : _ ("Starting"));
  cs_job_snapshot_clear (&s);
  return text;
}

static char *
describe_state (const CsRunSeries *series)
{
  CsJob *job = cs_run_job (series->run);

  if (job != NULL && cs_job_is_active (job))
    return describe_job (job, series);
  if (is_analysed (series->run))
    return g_strdup (_ ("Trained and analysed"));
  if (cs_run_is_trained (series->run))
    return g_strdup (_ ("Trained"));
  return g_strdup (cs_run_series_last (series) != NULL ? _ ("Stopped") : _ ("Not begun"));
}

static const char *
variant_title (CsVariant variant)
{
  switch (variant)
    {
    case CS_VARIANT_L1:
      return "L1";
    case CS_VARIANT_TOPK:
      return "TopK";
    case CS_VARIANT_BATCHTOPK:
    default:
      return "BatchTopK";
    }
}

static char *
describe (const CsRunSeries *series)
{
  const CsTrainConfig *config = cs_run_config (series->run);
  const CsMetrics *last = cs_run_series_last (series);
  g_autofree char *state = describe_state (series), *step = NULL, *steps = NULL;

  if (config == NULL)
    return g_strdup_printf (_ ("%s · its config.json cannot be read"), state);
  step = cs_feedback_count (last != NULL ? (double) last->step : 0);
  steps = cs_feedback_count ((double) config->steps);
  /* Translators: variant, state, step, steps */
  return g_strdup_printf (_ ("%s · %s · step %s of %s"), variant_title (config->variant), state, step,
                          steps);
}

/* --- Actions --- */

enum
{
  ITEM_PAUSE = 1 << 0,
  ITEM_RESUME = 1 << 1,
  ITEM_STOP = 1 << 2,
  ITEM_CONTINUE = 1 << 3,
  ITEM_ANALYSE = 1 << 4,
  ITEM_DUPLICATE = 1 << 5,
  ITEM_REMOVE = 1 << 6,
  ITEM_LATENTS = 1 << 7,
  ITEM_EXPORT = 1 << 8,
  ITEM_TABLE = 1 << 9,
  ITEM_CONTROLS = 1 << 10,
  ITEM_AUDIT = 1 << 11,
  ITEM_CAUSALITY = 1 << 12,
  ITEM_CALIBRATE = 1 << 13,
};

static const struct
{
  guint item;
  const char *label, *action;
} items[] = {
  { ITEM_PAUSE, N_ ("_Pause"), "training.pause" },
  { ITEM_RESUME, N_ ("_Resume"), "training.resume" },
  { ITEM_STOP, N_ ("_Stop"), "training.stop" },
  { ITEM_CONTINUE, N_ ("_Continue Training"), "training.continue" },
  { ITEM_LATENTS, N_ ("Show Its _Latents"), "training.latents" },
  { ITEM_CALIBRATE, N_ ("Calibrate Its Thres_hold"), "training.calibrate" },
  { ITEM_ANALYSE, N_ ("_Analyse"), "training.analyse" },
  { ITEM_CAUSALITY, N_ ("Ca_usality…"), "training.causality" },
  { ITEM_AUDIT, N_ ("_Refusal Audit…"), "training.audit" },
  { ITEM_DUPLICATE, N_ ("_Duplicate…"), "training.duplicate" },
  { ITEM_TABLE, N_ ("A_ttach a Table or Examples…"), "training.attach" },
  { ITEM_EXPORT, N_ ("_Export for dictionary__learning…"), "training.export-hub" },
  { ITEM_TABLE, N_ ("Export All Latents as _CSV…"), "training.export-csv" },
  { ITEM_TABLE, N_ ("Export for _Neuronpedia…"), "training.export-neuronpedia" },
  { ITEM_REMOVE, N_ ("Re_move"), "training.remove" },
};

static guint
offered_items (CsRun *run)
{
  CsJob *job = cs_run_job (run);
  CsJobState state = job != NULL ? cs_job_state (job) : CS_JOB_DONE;
  guint offered = cs_run_config (run) != NULL ? ITEM_DUPLICATE : 0;
  bool trained;

  if (state == CS_JOB_RUNNING)
    return offered | ITEM_PAUSE | ITEM_STOP;
  if (state == CS_JOB_PAUSED)
    return offered | ITEM_RESUME | ITEM_STOP;
  if (state == CS_JOB_QUEUED)
    return offered | ITEM_STOP;
  trained = cs_run_is_trained (run);
  offered |= trained ? ITEM_ANALYSE : offered != 0 ? ITEM_CONTINUE : 0;
  if (trained && is_analysed (run))
    offered |= ITEM_AUDIT | ITEM_CAUSALITY | (cs_control_is (cs_run_folder (run)) ? 0 : ITEM_CONTROLS);
  if (trained && cs_run_is_imported (cs_run_folder (run)) && cs_run_needs_threshold (cs_run_folder (run)))
    offered |= ITEM_CALIBRATE;
  return offered | ITEM_REMOVE | (trained ? ITEM_EXPORT : 0) |
         (is_analysed (run) ? ITEM_LATENTS | ITEM_TABLE : 0);
}

/* The run again with one thing changed. */
static GMenuModel *
controls_menu (const char *run)
{
  static const struct
  {
    CsControlKind kind;
    const char *label;
  } controls[] = {
    { CS_CONTROL_NULL, N_ ("The Base Against _Itself") },
    { CS_CONTROL_TUNED, N_ ("A Copy _Tuned on Base Text") },
    { CS_CONTROL_SEED, N_ ("Another _Seed") },
    { CS_CONTROL_K, N_ ("Another Sparsit_y") },
    { CS_CONTROL_LAYER, N_ ("Another _Layer") },
  };
  GMenu *menu = g_menu_new ();

  for (size_t i = 0; i < G_N_ELEMENTS (controls); i++)
    {
      g_autoptr (GMenuItem) item = g_menu_item_new (_ (controls[i].label), NULL);

      g_menu_item_set_action_and_target (item, "training.control", "(ss)", run,
                                         cs_control_kind_name (controls[i].kind));
      g_menu_append_item (menu, item);
    }
  return G_MENU_MODEL (menu);
}

static void
update_menu (CsRunRow *self, guint offered)
{
  g_autoptr (GMenu) menu = NULL;

  if (offered == self->menu_items)
    return;
  self->menu_items = offered;
  menu = g_menu_new ();
  for (size_t i = 0; i < G_N_ELEMENTS (items); i++)
    {
      g_autoptr (GMenuItem) item = g_menu_item_new (_ (items[i].label), NULL);

      g_menu_item_set_action_and_target (item, items[i].action, "s", cs_run_name (self->series->run));
      if (offered & items[i].item)
        g_menu_append_item (menu, item);
      if (items[i].item == ITEM_AUDIT && (offered & ITEM_CONTROLS) != 0)
        {
          g_autoptr (GMenuModel) controls = controls_menu (cs_run_name (self->series->run));

          g_menu_append_submenu (menu, _ ("C_ontrols"), controls);
        }
    }
  gtk_menu_button_set_menu_model (self->menu, G_MENU_MODEL (menu));
}

/* The one thing done most in this state, beside the menu. */
static void
update_button (CsRunRow *self, guint offered)
{
  const char *icon = "media-playback-pause-symbolic", *label = _ ("Pause"), *action = "training.pause";

  if (offered & ITEM_RESUME)
    {
      icon = "media-playback-start-symbolic";
      label = _ ("Resume");
      action = "training.resume";
    }
  else if (offered & ITEM_CONTINUE)
    {
      icon = "media-playback-start-symbolic";
      label = _ ("Continue Training");
      action = "training.continue";
    }
  gtk_widget_set_visible (GTK_WIDGET (self->pause),
                          (offered & (ITEM_PAUSE | ITEM_RESUME | ITEM_CONTINUE)) != 0);
  gtk_button_set_icon_name (self->pause, icon);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->pause), label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->pause), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                  -1);
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->pause), "s",
                                    cs_run_name (self->series->run));
  gtk_actionable_set_action_name (GTK_ACTIONABLE (self->pause), action);
}

void
cs_run_row_update (CsRunRow *row)
{
  g_autofree char *text = describe (row->series);
  guint before = row->menu_items, offered = offered_items (row->series->run);

  if (g_strcmp0 (gtk_label_get_text (row->state), text) != 0)
    {
      gtk_label_set_text (row->state, text);
      gtk_widget_set_tooltip_text (GTK_WIDGET (row->state), text);
    }
  update_menu (row, offered);
  if (offered != before)
    update_button (row, offered);
  gtk_widget_queue_draw (row->sparkline);
}

CsRunSeries *
cs_run_row_series (CsRunRow *row)
{
  return row->series;
}

GtkCheckButton *
cs_run_row_check (CsRunRow *row)
{
  return row->check;
}

static void
cs_run_row_dispose (GObject *object)
{
  CsRunRow *self = CS_RUN_ROW (object);

  if (self->sparkline != NULL)
    gtk_drawing_area_set_draw_func (GTK_DRAWING_AREA (self->sparkline), NULL, NULL, NULL);
  self->sparkline = NULL;
  g_clear_pointer (&self->series, cs_run_series_unref);
  G_OBJECT_CLASS (cs_run_row_parent_class)->dispose (object);
}

static void
cs_run_row_class_init (CsRunRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_run_row_dispose;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/crosscope/Crosscope/ui/run-row.ui");
  gtk_widget_class_bind_template_child (widget_class, CsRunRow, check);
  gtk_widget_class_bind_template_child (widget_class, CsRunRow, sparkline);
  gtk_widget_class_bind_template_child (widget_class, CsRunRow, name);
  gtk_widget_class_bind_template_child (widget_class, CsRunRow, state);
  gtk_widget_class_bind_template_child (widget_class, CsRunRow, pause);
  gtk_widget_class_bind_template_child (widget_class, CsRunRow, menu);
}

static void
cs_run_row_init (CsRunRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

GtkWidget *
cs_run_row_new (CsRunSeries *series, guint index)
{
  CsRunRow *self = g_object_new (CS_TYPE_RUN_ROW, NULL);
  g_autofree char *label = g_strdup_printf (_ ("Draw %s"), cs_run_name (series->run));

  self->series = cs_run_series_ref (series);
  self->index = index;
  gtk_label_set_text (self->name, cs_run_name (series->run));
  gtk_check_button_set_active (self->check, series->shown);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->check), label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->check), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                  -1);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  cs_run_name (series->run), -1);
  gtk_drawing_area_set_draw_func (GTK_DRAWING_AREA (self->sparkline), draw_sparkline, self, NULL);
  cs_run_row_update (self);
  return GTK_WIDGET (self);
}

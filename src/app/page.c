#include "page.h"

typedef struct {
  char *name;
  char *title;
  char *icon_name;
  char *status;
  GtkWidget *header;
  CsStudy *study;
} CsPagePrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (CsPage, cs_page, ADW_TYPE_BIN)

enum { PROP_0, PROP_PAGE_NAME, PROP_TITLE, PROP_ICON_NAME, PROP_STATUS, PROP_HEADER, N_PROPS };
static GParamSpec *properties[N_PROPS];

static void
cs_page_dispose (GObject *object)
{
  CsPagePrivate *priv = cs_page_get_instance_private (CS_PAGE (object));

  cs_page_set_study (CS_PAGE (object), NULL);
  g_clear_object (&priv->header);
  G_OBJECT_CLASS (cs_page_parent_class)->dispose (object);
}

static void
cs_page_finalize (GObject *object)
{
  CsPagePrivate *priv = cs_page_get_instance_private (CS_PAGE (object));

  g_free (priv->name);
  g_free (priv->title);
  g_free (priv->icon_name);
  g_free (priv->status);
  G_OBJECT_CLASS (cs_page_parent_class)->finalize (object);
}

static void
cs_page_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  CsPagePrivate *priv = cs_page_get_instance_private (CS_PAGE (object));

  switch (id)
    {
    case PROP_PAGE_NAME: g_value_set_string (value, priv->name); break;
    case PROP_TITLE: g_value_set_string (value, priv->title); break;
    case PROP_ICON_NAME: g_value_set_string (value, priv->icon_name); break;
    case PROP_STATUS: g_value_set_string (value, priv->status); break;
    case PROP_HEADER: g_value_set_object (value, priv->header); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
replace (char **string, const GValue *value)
{
  g_free (*string);
  *string = g_value_dup_string (value);
}

static void
cs_page_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  CsPagePrivate *priv = cs_page_get_instance_private (CS_PAGE (object));

  switch (id)
    {
    case PROP_PAGE_NAME: replace (&priv->name, value); break;
    case PROP_TITLE: replace (&priv->title, value); break;
    case PROP_ICON_NAME: replace (&priv->icon_name, value); break;
    case PROP_STATUS: replace (&priv->status, value); break;
    case PROP_HEADER:
      g_clear_object (&priv->header);
      priv->header = g_value_get_object (value) ? g_object_ref_sink (g_value_get_object (value)) : NULL;
      break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
cs_page_class_init (CsPageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->dispose = cs_page_dispose;
  object_class->finalize = cs_page_finalize;
  object_class->get_property = cs_page_get_property;
  object_class->set_property = cs_page_set_property;
  properties[PROP_PAGE_NAME] = g_param_spec_string ("page-name", NULL, NULL, NULL, flags);
  properties[PROP_TITLE] = g_param_spec_string ("title", NULL, NULL, NULL, flags);
  properties[PROP_ICON_NAME] = g_param_spec_string ("icon-name", NULL, NULL, NULL, flags);
  properties[PROP_STATUS] = g_param_spec_string ("status", NULL, NULL, NULL, flags);
  properties[PROP_HEADER] = g_param_spec_object ("header", NULL, NULL, GTK_TYPE_WIDGET, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
cs_page_init (CsPage *self)
{
}

#define DEFINE_GETTER(type, getter, field)                                \
  type getter (CsPage *page)                                              \
  {                                                                       \
    CsPagePrivate *priv = cs_page_get_instance_private (page);            \
    return priv->field;                                                   \
  }

DEFINE_GETTER (const char *, cs_page_name, name)
DEFINE_GETTER (const char *, cs_page_title, title)
DEFINE_GETTER (const char *, cs_page_icon_name, icon_name)
DEFINE_GETTER (const char *, cs_page_status, status)
DEFINE_GETTER (GtkWidget *, cs_page_header, header)
DEFINE_GETTER (CsStudy *, cs_page_study, study)

void
cs_page_set_status (CsPage *page, const char *status)
{
  CsPagePrivate *priv = cs_page_get_instance_private (page);

  if (g_strcmp0 (priv->status, status) != 0)
    g_object_set (page, "status", status, NULL);
}

void
cs_page_set_study (CsPage *page, CsStudy *study)
{
  CsPagePrivate *priv = cs_page_get_instance_private (page);
  CsStudy *old = priv->study;

  if (old == study)
    return;
  priv->study = study ? g_object_ref (study) : NULL;
  if (CS_PAGE_GET_CLASS (page)->study_changed != NULL)
    CS_PAGE_GET_CLASS (page)->study_changed (page, old);
  g_clear_object (&old);
}

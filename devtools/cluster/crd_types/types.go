// Package crdtypes pins the Go types of which the CRDs of other products are made: their projects publish the
// YAML only with their releases, and go.sum verifies these.
package crdtypes

import (
	_ "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	_ "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
)

package sysfs_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/sysfs"
)

func TestSlave(t *testing.T) {
	tests := []struct {
		name  string
		slave string
		want  sysfs.Slave
	}{
		{
			name:  "backup that lost its link once",
			slave: "veth0",
			want: sysfs.Slave{
				State: "backup", MIIStatus: "up", LinkFailureCount: 1,
				PermHWAddr: mac(t, "4a:dc:d2:23:1c:90"),
			},
		},
		{
			name:  "active with a queue id",
			slave: "veth2",
			want: sysfs.Slave{
				State: "active", MIIStatus: "up", QueueID: 2,
				PermHWAddr: mac(t, "b2:d2:f9:7e:13:a1"),
			},
		},
		{
			name:  "status of two words",
			slave: "veth4",
			want: sysfs.Slave{
				State: "active", MIIStatus: "going back", LinkFailureCount: 1,
				PermHWAddr: mac(t, "ca:90:ca:d0:8f:50"),
			},
		},
		{
			name:  "802.3ad",
			slave: "veth6",
			want: sysfs.Slave{
				State: "active", MIIStatus: "up",
				PermHWAddr:             mac(t, "36:53:f7:60:59:49"),
				ADAggregatorID:         new(1),
				ADActorOperPortState:   new(79),
				ADPartnerOperPortState: new(0),
			},
		},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := sysfs.New(fixture).Slave(tt.slave)
			if err != nil {
				t.Fatalf("read slave: %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("slave (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSlaveNotExist(t *testing.T) {
	newborn := tree(t, map[string]string{
		"eth0/bonding_slave/state":      "active\n",
		"eth0/bonding_slave/mii_status": "up\n",
	})
	half := tree(t, map[string]string{
		"eth0/bonding_slave/mii_status":       "up\n",
		"eth0/bonding_slave/ad_aggregator_id": "N/A\n",
	})

	tests := []struct {
		name  string
		sysfs sysfs.FS
		slave string
	}{
		{name: "no such device", sysfs: sysfs.New(fixture), slave: "veth99"},
		{name: "not enslaved", sysfs: sysfs.New(fixture), slave: "veth8"},
		{name: "port of a bridge", sysfs: sysfs.New(fixture), slave: "veth9"},
		{name: "just being enslaved", sysfs: newborn, slave: "eth0"},
		{name: "just being released", sysfs: half, slave: "eth0"},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.sysfs.Slave(tt.slave)
			if !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("read slave: got %v, want %v", err, fs.ErrNotExist)
			}
			if diff := cmp.Diff(sysfs.Slave{}, got); diff != "" {
				t.Errorf("slave of an error (-want +got):\n%s", diff)
			}
		})
	}
}

package bond_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/bondctl/bondctl/bond"
)

// A program makes a bond of a cable and Wi-Fi, and takes it away again.
func Example() {
	ctx := context.Background()
	host, err := bond.Open()
	if err != nil {
		log.Fatal(err)
	}
	defer host.Close()

	config := bond.Config{
		Name:    "bond0",
		Primary: "eth0",
		Members: []bond.Member{{Name: "eth0"}, {Kind: bond.KindWiFi}},
		Method:  bond.MethodNone,
	}
	plan, err := host.Reconcile(ctx, bond.Wanted{Config: config}, bond.How{})
	if err != nil {
		log.Fatal(err) // and everything is as it was
	}
	for _, step := range plan.Steps {
		fmt.Println(step)
	}
	for _, note := range plan.Notes {
		fmt.Println("note:", note)
	}
	if err := host.WaitActive(ctx, "bond0", 10*time.Second); err != nil {
		fmt.Println(err)
	}

	if _, err := host.Down(ctx, "bond0", false, bond.How{}); err != nil {
		log.Fatal(err)
	}
}

// A configuration file is read, and what it asks for is shown before it is done.
func ExampleNewConfig() {
	text, err := os.ReadFile("/etc/bondctl/bond0.toml")
	if err != nil {
		log.Fatal(err)
	}
	settings, err := bond.ParseTOML("bond0.toml", text)
	if err != nil {
		log.Fatal(err)
	}
	config, err := bond.NewConfig("bond0", settings)
	if err != nil {
		log.Fatal(err) // a line for each thing that is wrong
	}
	host, err := bond.Open()
	if err != nil {
		log.Fatal(err)
	}
	defer host.Close()
	plan, err := host.Plan(config)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(plan)
}

// A file's text is made of a configuration, and the other way about.
func ExampleFormatTOML() {
	settings, err := bond.ParseTOML("bond0.toml", []byte(`
		member = [{ name = "eth0" }, { kind = "wifi", wpa_conf = "/etc/wpa.conf" }]
		updelay = 4000
	`))
	if err != nil {
		log.Fatal(err)
	}
	config, err := bond.NewConfig("bond0", settings)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(bond.FormatTOML(config)))
	// Output:
	// updelay = "4s"
	//
	// [[member]]
	// name = "eth0"
	//
	// [[member]]
	// kind = "wifi"
	// wpa_conf = "/etc/wpa.conf"
}

// A status is read once, and again whenever something has changed.
func ExampleHost_Changes() {
	host, err := bond.Open()
	if err != nil {
		log.Fatal(err)
	}
	defer host.Close()
	changes, err := host.Changes(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for {
		status, err := host.Status("bond0")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(status.Health, status.HealthReason)
		for _, m := range status.Members {
			fmt.Println(m.Name, m.Role)
		}
		if _, open := <-changes; !open {
			return
		}
	}
}

// What a bond's keeper has seen is told, and then what it sees.
func ExampleHost_FollowHistory() {
	host, err := bond.Open()
	if err != nil {
		log.Fatal(err)
	}
	defer host.Close()
	grown, err := host.FollowHistory(context.Background(), "bond0")
	if err != nil {
		log.Fatal(err)
	}
	told := 0
	for {
		events, err := host.History("bond0")
		if err != nil {
			log.Fatal(err)
		}
		for _, e := range events {
			if e.Seq > told {
				fmt.Println(e)
				told = e.Seq
			}
		}
		if _, open := <-grown; !open {
			return
		}
	}
}
